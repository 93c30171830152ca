// What a cell of the matrix is made of: a kind of fault, a path of the library, and the attempts.
import {
  allConditionsFailed,
  allConditionsFailedWithoutItem,
  answeredInPart,
  cancelled,
  delayed,
  deliveredAgainLater,
  deliveredTooLate,
  deliveredTwice,
  dropped,
  emptyPage,
  type Fault,
  internalErrorAfter,
  internalErrorBefore,
  malformed,
  refused,
  responseDropped,
  staleGet,
  stalePage,
} from '../../../../support/faulty-transport.js';
import { WIRE_FAULTS, type WireFault } from '../../../../support/wire-proxy.js';
import type { World } from './world.js';

/** Each path with the operation that meets the fault. */
export const PATHS = {
  /** A new ID; the fault is in the way of the candidates. */
  scan: 'Scan',
  /** An ID that has an item; the fault is in the way of the first read. */
  get: 'GetItem',
  /** A new ID. */
  claim: 'TransactWriteItems',
  /** A new ID that chooses an item. */
  chosen: 'TransactWriteItems',
  /** Three new IDs that get their items in one write. */
  'claim all': 'TransactWriteItems',
  /** An ID that holds an item pays for it. */
  confirm: 'TransactWriteItems',
  /** New IDs whose claims share a transaction; the first of them is looked at. */
  'group, first': 'TransactWriteItems',
  'group, middle': 'TransactWriteItems',
  'group, last': 'TransactWriteItems',
  /** A batch of three new items. */
  add: 'TransactWriteItems',
  /** A new ID on an empty bank: the read before null. */
  'null, none': 'TransactGetItems',
  /** An ID that has an item on an empty bank, and no first read told it. */
  'null, has one': 'TransactGetItems',
  /** A batch with a ledger, three items new and one handed out: the look at the ledger. */
  'ledger look': 'BatchGetItem',
  /** The same batch: the write into bank and ledger. */
  'ledger add': 'TransactWriteItems',
  /** An ID that has an item gives it back: the first read. */
  'release get': 'GetItem',
  /** An ID that has no item gives it back: the read before null. */
  'release none': 'TransactGetItems',
  /** An ID that has an item gives it back. */
  release: 'TransactWriteItems',
  /** The item of an ID is retired. */
  retire: 'TransactWriteItems',
} as const;
export type Path = keyof typeof PATHS;

/** Where in its group the claim stands that is looked at. */
export const POSITIONS = { 'group, first': 0, 'group, middle': 2, 'group, last': 4 } as const;
export const GROUP_SIZE = 5;
export type GroupPath = keyof typeof POSITIONS;
export const isGroup = (path: Path): path is GroupPath => path in POSITIONS;

export const ALL_PATHS = Object.keys(PATHS) as Path[];
const pathsOf = (...operations: readonly string[]) =>
  ALL_PATHS.filter((path) => operations.includes(PATHS[path]));
export const WRITES = pathsOf('TransactWriteItems');
const GROUPS = ALL_PATHS.filter(isGroup);
const TRANSACTIONS = pathsOf('TransactWriteItems', 'TransactGetItems');

/** The last one of the SDK's: those before it are throttled, so that it is made at all. */
export const ATTEMPTS = ['first', 'last', 'every'] as const;
export type FaultyAttempts = (typeof ATTEMPTS)[number];

/**
 * What an attempt that no answer ends costs on the package's clock: with the default client 5 s in
 * silence, up to 10 s when the peer stalls.
 */
const UNANSWERED_MS = 9_000;
const ANSWERED_MS = 20;

export interface Row {
  readonly name: string;
  faultIn(world: World): Fault;
  readonly wireFault?: WireFault;
  /** The paths whose operation knows such a reply. */
  readonly paths: readonly Path[];
  readonly attemptMs: number;
  /** Whether a write that meets it may have been applied. */
  readonly leavesOutcomeOpen: boolean;
  /** Whether another node does at the same time what the call is to do. */
  readonly othersDoTheSame: boolean;
  /** Whether it concerns, of a group, only the claim that is looked at. */
  readonly blamesOneClaim: boolean;
  /** The paths on which one such attempt does not reach the caller. */
  readonly riddenOut: readonly Path[];
}

const outcomeTold = (name: string, fault: Fault, paths: readonly Path[] = ALL_PATHS): Row => ({
  name,
  faultIn: () => fault,
  paths,
  attemptMs: ANSWERED_MS,
  leavesOutcomeOpen: false,
  othersDoTheSame: false,
  blamesOneClaim: false,
  riddenOut: paths,
});

const oneBlamed = (name: string, fault: Fault, paths: readonly Path[]): Row => ({
  ...outcomeTold(name, fault, paths),
  blamesOneClaim: true,
});

const outcomeOpen = (name: string, fault: Fault, attemptMs = UNANSWERED_MS): Row => ({
  ...outcomeTold(name, fault),
  attemptMs,
  leavesOutcomeOpen: true,
});

/** The SDK does not send a read again whose reply it cannot read. */
const malformedReply = (name: string, change: (body: string) => string): Row => ({
  ...outcomeOpen(name, malformed(change), ANSWERED_MS),
  riddenOut: WRITES,
});

const onTheWire = (wireFault: WireFault): Row => ({
  ...outcomeOpen(`wire: ${wireFault}`, (attempt) => attempt.send()),
  wireFault,
});

const cancellations = (): Row[] =>
  ['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'].flatMap((code) => [
    oneBlamed(`${code}, last slot but one`, cancelled(code, 1), WRITES),
    oneBlamed(`${code}, last slot`, cancelled(code, 0), TRANSACTIONS),
  ]);

export const ROWS: readonly Row[] = [
  outcomeOpen('dropped before it was applied', dropped),
  outcomeOpen('applied, response dropped', responseDropped),
  outcomeOpen('applied after it was given up', deliveredTooLate),
  outcomeTold('delayed', delayed),
  outcomeTold('delivered twice', deliveredTwice),
  outcomeTold('delivered again after the call', deliveredAgainLater),
  outcomeOpen('500 before it was applied', internalErrorBefore, ANSWERED_MS),
  outcomeOpen('500 after it was applied', internalErrorAfter, ANSWERED_MS),
  outcomeTold('ThrottlingException', refused('ThrottlingException')),
  outcomeTold('ProvisionedThroughputExceeded…', refused('ProvisionedThroughputExceededException')),
  // Each claim of a group is then sent alone.
  { ...outcomeTold('access denied', refused('AccessDeniedException')), riddenOut: GROUPS },
  ...cancellations(),
  { ...oneBlamed('every condition failed', allConditionsFailed, WRITES), othersDoTheSame: true },
  oneBlamed('ID taken, reason without Item', allConditionsFailedWithoutItem, ['claim', ...GROUPS]),
  {
    ...outcomeTold('stale page', dropped, ['scan']),
    faultIn: (world) => stalePage((items) => world.othersTake(items)),
    // Else the call goes on, as it should, until others have taken the whole stock.
    attemptMs: 1_000,
  },
  outcomeTold('stale get', staleGet, pathsOf('GetItem')),
  outcomeTold('empty page, not the last', emptyPage, ['scan']),
  outcomeTold('answered in part', answeredInPart, ['ledger look']),
  malformedReply('200, truncated JSON', (body) => body.slice(0, -1)),
  malformedReply('200, no JSON', () => '<html>Sign in to the network</html>'),
  malformedReply('200, other JSON', () => '{"message":"OK"}'),
  malformedReply('200, empty body', () => ''),
  ...WIRE_FAULTS.map(onTheWire),
];
