import type { Rounds } from '../results.js';
import type { StoreName } from './bench-store.js';
import type { ContestantName } from './contestant.js';
import type { ClaimFigures, SeedingFigures, SnapshotName } from './measure.js';
import type { SeederName } from './task.js';

/** What a run found: the content of its JSON file. */
export interface Results {
  readonly store: StoreName;
  readonly node: string;
  readonly cpus: number;
  readonly about: Readonly<Record<string, string>>;
  /** By the name of the load. */
  readonly claims: Record<string, Rounds<ContestantName, ClaimFigures>>;
  /** By the number of items. */
  readonly seeding: Record<string, Rounds<SeederName, SeedingFigures>>;
  /** By the number of items in the bank. */
  growth: Rounds<string, ClaimFigures>;
  snapshot: Rounds<SnapshotName, ClaimFigures>;
}
