// Users choose seats at once, and most want the same few.
import type { ChosenClaimResult, Deduplicator } from 'storagebox/core';
import { untilServed } from '../../support/until-served.js';
import { count, type Figure } from '../figures.js';
import { pick, type Random, seededRandom } from '../seeded-random.js';
import type { SaleStage, Server } from './sale-stage.js';
import { onSale } from './stage.js';

export interface ChoiceSize {
  readonly rounds: number;
}

const USERS = 64;
const SEATS = 40;
const SERVERS = 4;
/** What most users want. */
const BEST_SEATS = 6;
const BEST_SEATS_SHARE = 0.8;
const MAX_WISHES = 2;
/** So many users click on two seats at once. */
const IMPATIENT_SHARE = 0.1;

interface Choice {
  readonly user: string;
  readonly seat: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly result: ChosenClaimResult;
}

export async function runChoices(
  stage: SaleStage,
  { rounds }: ChoiceSize,
  seed: number,
): Promise<Figure[]> {
  const random = seededRandom(seed);
  const plans = Array.from({ length: rounds }, (_, round) =>
    Array.from({ length: SEATS }, (_, seat) => `round-${round}/seat-${seat}`),
  );
  return onSale(stage, plans.flat(), async (sale) => {
    const servers = Array.from({ length: SERVERS }, () => sale.openServer());
    const startMs = performance.now();
    const choices: Choice[] = [];
    for (const [round, seats] of plans.entries()) {
      const users = Array.from({ length: USERS }, (_, user) => `round-${round}/user-${user}`);
      const ofUsers = await Promise.all(
        users.map((user, index) =>
          choose((servers[index % SERVERS] as Server).deduplicator, user, seats, random),
        ),
      );
      choices.push(...ofUsers.flat());
    }
    const seconds = Math.round((performance.now() - startMs) / 1_000);
    for (const { close } of servers) await close();
    const assigned = await sale.assignments();
    const assignments = new Map(assigned.map(({ id, item }) => [id, item]));
    const audit = await sale.audit();
    const told = judge(choices, assignments);
    return [
      {
        what: 'chosen seats: rounds, claims, claimed, existing, taken, seconds',
        value: [rounds, choices.length, told.claimed, told.existing, told.taken, seconds]
          .map(count)
          .join(', '),
        isRight: Math.min(told.claimed, told.existing, told.taken) > 0,
      },
      {
        what: 'chosen seats: two owners, another seat than was asked for, unlike the table, taken but free',
        value: [told.twoOwners, told.anotherSeat, told.unlikeTable, told.takenButFree]
          .map(count)
          .join(', '),
        isRight: told.twoOwners + told.anotherSeat + told.unlikeTable + told.takenButFree === 0,
      },
      {
        what: 'chosen seats: lost, twice (audit)',
        value: [audit.lost, audit.twice].map(count).join(', '),
        isRight: audit.lost + audit.twice === 0 && audit.given === told.claimed,
      },
    ];
  });
}

/** One seat after the other, until the user has one or gives up. */
async function choose(
  server: Deduplicator<unknown>,
  user: string,
  seats: readonly string[],
  random: Random,
): Promise<Choice[]> {
  const choices: Choice[] = [];
  const claim = async (seat: string) => {
    const startMs = performance.now();
    const result = await untilServed(() => server.claim(user, { item: seat }));
    choices.push({ user, seat, startMs, endMs: performance.now(), result });
  };
  const clicks = random() < IMPATIENT_SHARE ? 2 : 1;
  for (let wish = 0; wish < MAX_WISHES; wish++) {
    const wishes = Array.from({ length: clicks }, () =>
      pick(random() < BEST_SEATS_SHARE ? seats.slice(0, BEST_SEATS) : seats, random),
    );
    await Promise.all(wishes.map(claim));
    if (choices.some(({ result }) => result.item !== null)) break;
  }
  return choices;
}

interface Told {
  readonly claimed: number;
  readonly existing: number;
  readonly taken: number;
  /** Seats that two users were told to have. */
  readonly twoOwners: number;
  /** Claims that gave another seat than the one that was asked for, or two claims that gave two. */
  readonly anotherSeat: number;
  /** Answers with a seat that the user does not have in the end. */
  readonly unlikeTable: number;
  /** `taken` although nobody had the seat, or had begun to ask for it, by the end of the call. */
  readonly takenButFree: number;
}

function judge(choices: readonly Choice[], assignments: ReadonlyMap<string, string>): Told {
  const having = (status: string) => choices.filter(({ result }) => result.status === status);
  const claimed = having('claimed');
  const owners = new Map<string, Set<string>>();
  for (const { user, result } of choices) {
    if (result.item === null) continue;
    owners.set(result.item, (owners.get(result.item) ?? new Set()).add(user));
  }
  const askedFirst = new Map<string, number>();
  for (const { user, seat, startMs } of choices) {
    if (assignments.get(user) !== seat) continue;
    askedFirst.set(seat, Math.min(startMs, askedFirst.get(seat) ?? Infinity));
  }
  const taken = having('taken');
  return {
    claimed: claimed.length,
    existing: having('existing').length,
    taken: taken.length,
    twoOwners: [...owners.values()].filter(({ size }) => size > 1).length,
    anotherSeat:
      claimed.filter(({ seat, result }) => result.item !== seat).length +
      (claimed.length - new Set(claimed.map(({ user }) => user)).size),
    unlikeTable: choices.filter(
      ({ user, result }) => result.item !== null && assignments.get(user) !== result.item,
    ).length,
    takenButFree: taken.filter(({ seat, endMs }) => (askedFirst.get(seat) ?? Infinity) > endMs)
      .length,
  };
}
