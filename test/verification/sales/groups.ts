// Groups share a bank out to the last item, while servers are killed and an observer looks at them.
import type { GroupClaimResult } from 'storagebox/core';
import type { Journal, Planned } from '../crash/journal.js';
import { countErrors, onJournals } from '../crash/run-processes.js';
import { count, type Figure } from '../figures.js';
import { pick, type Random, seededRandom } from '../seeded-random.js';
import type { Sale, SaleStage } from './sale-stage.js';
import { dealOut, errorsInWords, installWorker, onSale, PROCESSES, unansweredOf } from './stage.js';

export interface GroupSaleSize {
  readonly items: number;
  readonly kills: number;
}

const MAX_GROUP = 8;
/** Of all processes together. */
const CALLERS = 64;
const WIRE_FAULT_SHARE = 0.02;
/** At the end come groups of several, so that something can be left over. */
const LATE_GROUPS = 2 * CALLERS;
const MIN_LATE_GROUP = 4;

interface Group {
  readonly ids: readonly string[];
}

type GroupJournal = Journal<Group & Planned, GroupClaimResult>;

export async function runGroupSale(
  stage: SaleStage,
  { items: itemCount, kills }: GroupSaleSize,
  seed: number,
): Promise<Figure[]> {
  const program = await installWorker(stage, 'group-worker.mjs');
  const items = Array.from({ length: itemCount }, (_, item) => `item-${item}`);
  const groups = planGroups(itemCount, seededRandom(seed));
  return onSale(stage, items, (sale) =>
    onJournals<Group & Planned, GroupClaimResult, Figure[]>(PROCESSES, async (journals) => {
      const plans = dealOut(groups);
      const theEnd = new AbortController();
      const observer = observe(sale, plans, journals, seededRandom(seed + 1), theEnd.signal);
      const startMs = performance.now();
      const harm = await stage
        .runProcesses(
          journals.map((journal, process) => ({
            program,
            task: { sale: sale.tables },
            plan: plans[process] ?? [],
            journal,
            callers: CALLERS / PROCESSES,
          })),
          { kills, wireFaultShare: WIRE_FAULT_SHARE, seed },
        )
        .finally(() => theEnd.abort());
      const seconds = Math.round((performance.now() - startMs) / 1_000);
      const observed = await observer;
      const assigned = await sale.assignments();
      const assignments = new Map(assigned.map(({ id, item }) => [id, item]));
      const audit = await sale.audit();
      const told = judge(itemCount, groups, assignments, journals);
      const unanswered = unansweredOf(groups, journals);
      const isEachItemThere = audit.inBank + audit.given === itemCount;
      return [
        {
          what: 'groups: items, groups, callers, kills, wire faults, seconds',
          value: [itemCount, groups.length, CALLERS, harm.kills, harm.wire.faults, seconds]
            .map(count)
            .join(', '),
          isRight: harm.kills >= kills,
        },
        {
          what: 'groups: calls that threw, by error; slowest answer; groups never answered',
          value: `${errorsInWords(countErrors(journals))}; ${told.slowestSeconds.toFixed(1)} s; ${unanswered}`,
          isRight: unanswered === 0,
        },
        {
          what: 'groups: looks at groups under way, without items, whole, in part',
          value: [observed.looks, observed.without, observed.whole, observed.inPart]
            .map(count)
            .join(', '),
          isRight: observed.looks > 0 && observed.inPart === 0,
        },
        {
          what: 'groups: served, turned away, in part in the end, told otherwise than the table has it',
          value: [told.served, told.turnedAway, told.inPart, told.toldOtherwise]
            .map(count)
            .join(', '),
          isRight: told.served > 0 && told.inPart + told.toldOtherwise === 0,
        },
        {
          what: 'groups: items left over, smallest group that was turned away, turned away although there was enough',
          value: [audit.inBank, told.smallestTurnedAway, told.turnedAwayInVain]
            .map(count)
            .join(', '),
          isRight: audit.inBank < told.smallestTurnedAway && told.turnedAwayInVain === 0,
        },
        {
          what: 'groups: lost, twice (audit)',
          value: [audit.lost, audit.twice].map(count).join(', '),
          isRight: audit.lost + audit.twice === 0 && isEachItemThere,
        },
      ];
    }),
  );
}

function planGroups(items: number, random: Random): Group[] {
  const sizes: number[] = [];
  for (let planned = 0; planned < items; planned += sizes.at(-1) ?? 0) {
    sizes.push(1 + Math.floor(random() * MAX_GROUP));
  }
  // Of those, the last ones give way to larger groups.
  sizes.splice(-LATE_GROUPS / 2);
  for (let group = 0; group < LATE_GROUPS; group++) {
    sizes.push(MIN_LATE_GROUP + Math.floor(random() * (MAX_GROUP - MIN_LATE_GROUP + 1)));
  }
  return sizes.map((size, order) => ({
    ids: Array.from({ length: size }, (_, place) => `order-${order}/${place + 1}`),
  }));
}

interface Observed {
  readonly looks: number;
  readonly without: number;
  readonly whole: number;
  readonly inPart: number;
}

/** Reads all IDs of a group that is under way at one moment, of one group after the other. */
async function observe(
  sale: Sale,
  plans: readonly (readonly (Group & Planned)[])[],
  journals: readonly GroupJournal[],
  random: Random,
  signal: AbortSignal,
): Promise<Observed> {
  const observed = { looks: 0, without: 0, whole: 0, inPart: 0 };
  while (!signal.aborted) {
    const process = Math.floor(random() * plans.length);
    const { begun, answered } = journals[process] as GroupJournal;
    const underWay = [...begun].filter((index) => !answered.has(index));
    if (underWay.length === 0) {
      await nextTurn();
      continue;
    }
    const { ids } = (plans[process] ?? [])[pick(underWay, random)] as Group;
    const having = await sale.countHaving(ids);
    // On DynamoDB, a transaction on one of them was under way.
    if (having === null) continue;
    observed.looks++;
    if (having === 0) observed.without++;
    else if (having === ids.length) observed.whole++;
    else observed.inPart++;
  }
  return observed;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface Told {
  /** Groups that have items in the end. */
  readonly served: number;
  readonly turnedAway: number;
  readonly inPart: number;
  /** Answers that are not what the table has in the end. */
  readonly toldOtherwise: number;
  /** Of which size; `Infinity` if none was. */
  readonly smallestTurnedAway: number;
  /** Groups that were turned away although as many items stayed in the bank for the whole call. */
  readonly turnedAwayInVain: number;
  readonly slowestSeconds: number;
}

function judge(
  items: number,
  groups: readonly Group[],
  assignments: ReadonlyMap<string, string>,
  journals: readonly GroupJournal[],
): Told {
  const calls = journals.flatMap((journal) => journal.calls());
  const havingOf = ({ ids }: Group) => ids.filter((id) => assignments.has(id)).length;
  const turnedAway = calls.filter(({ answer }) => answer?.status === 'exhausted');
  const isOtherwise = ({ asked, answer }: (typeof calls)[number]) => {
    if (answer === undefined) return false;
    if (answer.status === 'exhausted') return havingOf(asked) > 0;
    return answer.members.some(({ deduplicationId, item }) => {
      return assignments.get(deduplicationId) !== item;
    });
  };
  const begunAt = new Map<string, { atNs: number; size: number }>();
  for (const { asked, invokedAt } of calls) {
    const [first = ''] = asked.ids;
    const atNs = Math.min(invokedAt, begunAt.get(first)?.atNs ?? Infinity);
    if (assignments.has(first)) begunAt.set(first, { atNs, size: asked.ids.length });
  }
  // Nothing comes back, so what nobody had begun to take by the end of the call was in the bank throughout.
  const isInVain = ({ asked, returnedAt }: (typeof calls)[number]) => {
    const takings = [...begunAt.values()].filter(({ atNs }) => atNs < returnedAt);
    const taken = takings.reduce((sum, { size }) => sum + size, 0);
    return items - taken >= asked.ids.length;
  };
  const durationsNs = calls
    .map(({ invokedAt, returnedAt }) => returnedAt - invokedAt)
    .filter(Number.isFinite);
  return {
    served: groups.filter((group) => havingOf(group) > 0).length,
    turnedAway: new Set(turnedAway.map(({ asked }) => asked.ids[0])).size,
    inPart: groups.filter((group) => havingOf(group) % group.ids.length !== 0).length,
    toldOtherwise: calls.filter(isOtherwise).length,
    smallestTurnedAway: Math.min(Infinity, ...turnedAway.map(({ asked }) => asked.ids.length)),
    turnedAwayInVain: turnedAway.filter(isInVain).length,
    slowestSeconds: Math.max(0, ...durationsNs) / 1e9,
  };
}
