import type { StoreName } from './bench-store.js';
import type { Contestant, ContestantName, Place } from './contestant.js';
import type { SeederName } from './task.js';

/** What the processes that claim need of a store. */
export interface Contestants {
  /** @param isRepeat whether every ID has its item already */
  openContestant(name: ContestantName, place: Place, isRepeat: boolean): Promise<Contestant>;
  readonly SEEDERS: Record<SeederName, (place: Place, items: Iterable<string>) => Promise<void>>;
}

/** Of one store, so that none loads the driver of another. */
export function contestantsOf(store: StoreName): Promise<Contestants> {
  return store === 'postgres'
    ? import('./postgres/contestants.js')
    : import('./sqlite/contestants.js');
}
