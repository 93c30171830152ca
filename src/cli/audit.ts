// Is each item in exactly one place? Bank, given and retired together are what the ledger has.
import { inParallel } from './in-parallel.js';
import type { OpenStore } from './stores/store.js';

export interface AuditFindings {
  /** In the ledger, and neither in the bank nor given nor retired. */
  readonly lost: string[];
  /** In the bank or given, and not in the ledger. */
  readonly unknownToLedger: string[];
  /** In the bank, and given or retired as well. */
  readonly twice: string[];
  /** Given to more than one ID, with these. */
  readonly severalOwners: (readonly [item: string, deduplicationIds: readonly string[]])[];
  /** Retired, and still given to these IDs. */
  readonly retiredButGiven: (readonly [item: string, deduplicationIds: readonly string[]])[];
}

export interface AuditResult {
  readonly counts: {
    readonly inBank: number;
    readonly given: number;
    readonly retired: number;
    /** `null` without a ledger. */
    readonly entered: number | null;
  };
  readonly findings: AuditFindings;
  /** Who has the items of the findings. */
  readonly owners: ReadonlyMap<string, readonly string[]>;
  /** How many items looked wrong at first and right at the second look: the tables are in use. */
  readonly moved: number;
}

/** What an audit needs of a store, and the signal that stops it. */
export interface Audited
  extends Pick<OpenStore, 'itemRepo' | 'deduplicationRepo' | 'ledgerName' | 'audit'> {
  readonly signal: AbortSignal;
}

/** Where an item was seen, as bits: a million items are held in memory. */
const IN_BANK = 1;
const GIVEN = 2;
const GIVEN_AGAIN = 4;
const ENTERED = 8;
const RETIRED = 16;

const MAX_LOOKS = 3;

/**
 * Reads each table once, and the assignments again for items that looked wrong. Claims may continue: the
 * ledger is read first and the assignments last, so an item that is handed out meanwhile is seen at least
 * once. If it is seen twice, the second look shows where it is.
 */
export async function auditTables(
  audited: Audited,
  segments: number,
  onRow: (done: number) => void = () => {},
): Promise<AuditResult> {
  const audit = new Audit(audited, segments, onRow);
  await audit.read();
  const suspects = audit.suspects();
  const owners = new Map<string, readonly string[]>();
  const wrong = new Map<string, number>();
  let open = [...suspects];
  for (let look = 1; open.length > 0 && look <= MAX_LOOKS; look++) {
    const again = await audit.lookAgain(open);
    for (const [item, { places, deduplicationIds }] of again) {
      wrong.set(item, places);
      owners.set(item, deduplicationIds);
    }
    // An item may be handed out between the two reads of a look, but hardly in every look: look again.
    open = open.filter((item) => audit.faultsOf(wrong.get(item) ?? 0).includes('lost'));
  }
  const findings = audit.findingsOf(wrong, owners);
  const right = [...wrong.values()].filter((places) => audit.faultsOf(places).length === 0);
  return { counts: audit.counts(), findings, owners, moved: right.length };
}

type Fault = keyof AuditFindings;

interface Look {
  readonly places: number;
  readonly deduplicationIds: readonly string[];
}

class Audit {
  readonly #audited: Audited;
  readonly #segments: number;
  readonly #onRow: () => void;
  readonly #places = new Map<string, number>();
  readonly #counts = { inBank: 0, given: 0, retired: 0, entered: 0 };

  constructor(audited: Audited, segments: number, onRow: (done: number) => void) {
    this.#audited = audited;
    this.#segments = segments;
    let done = 0;
    this.#onRow = () => onRow(++done);
  }

  get #hasLedger(): boolean {
    return this.#audited.ledgerName !== undefined;
  }

  async read(): Promise<void> {
    const { itemRepo, signal } = this.#audited;
    await this.#readLedger();
    for await (const item of itemRepo.listItems({ segments: this.#segments, signal })) {
      this.#counts.inBank++;
      this.#note(item, IN_BANK);
    }
    await this.#readAssignments((item) => {
      this.#counts.given++;
      const isGivenAgain = ((this.#places.get(item) ?? 0) & GIVEN) !== 0;
      this.#note(item, isGivenAgain ? GIVEN_AGAIN : GIVEN);
    });
  }

  counts(): AuditResult['counts'] {
    return { ...this.#counts, entered: this.#hasLedger ? this.#counts.entered : null };
  }

  suspects(): string[] {
    const suspects: string[] = [];
    for (const [item, places] of this.#places) {
      if (this.faultsOf(places).length > 0) suspects.push(item);
    }
    return suspects;
  }

  faultsOf(places: number): Fault[] {
    const isIn = (place: number) => (places & place) !== 0;
    const isSomewhere = isIn(IN_BANK | GIVEN | RETIRED);
    const faults: Record<Fault, boolean> = {
      lost: isIn(ENTERED) && !isSomewhere,
      unknownToLedger: this.#hasLedger && isIn(IN_BANK | GIVEN) && !isIn(ENTERED),
      twice: isIn(IN_BANK) && isIn(GIVEN | RETIRED),
      severalOwners: isIn(GIVEN_AGAIN),
      retiredButGiven: isIn(RETIRED) && isIn(GIVEN),
    };
    return (Object.keys(faults) as Fault[]).filter((fault) => faults[fault]);
  }

  /** Reads all assignments to find the owners, then each item with its owners in one transaction. */
  async lookAgain(items: readonly string[]): Promise<Map<string, Look>> {
    const owners = new Map<string, string[]>(items.map((item) => [item, []]));
    await this.#readAssignments((item, deduplicationId) => {
      owners.get(item)?.push(deduplicationId);
    });
    const looks = new Map<string, Look>();
    await inParallel(owners, async ([item, deduplicationIds]) => {
      looks.set(item, await this.#lookAt(item, deduplicationIds));
    });
    return looks;
  }

  findingsOf(
    wrong: ReadonlyMap<string, number>,
    owners: ReadonlyMap<string, readonly string[]>,
  ): AuditFindings {
    const having = (fault: Fault) =>
      [...wrong]
        .filter(([, places]) => this.faultsOf(places).includes(fault))
        .map(([item]) => item);
    const withOwners = (item: string) => [item, owners.get(item) ?? []] as const;
    return {
      lost: having('lost'),
      unknownToLedger: having('unknownToLedger'),
      twice: having('twice'),
      severalOwners: having('severalOwners').map(withOwners),
      retiredButGiven: having('retiredButGiven').map(withOwners),
    };
  }

  #note(item: string, place: number): void {
    this.#places.set(item, (this.#places.get(item) ?? 0) | place);
    this.#onRow();
  }

  async #readLedger(): Promise<void> {
    for await (const { item, isRetired } of this.#audited.audit.ledgerEntries(this.#segments)) {
      this.#counts.entered++;
      if (isRetired) this.#counts.retired++;
      this.#note(item, isRetired ? ENTERED | RETIRED : ENTERED);
    }
  }

  async #readAssignments(note: (item: string, deduplicationId: string) => void): Promise<void> {
    const { itemRepo, deduplicationRepo, signal } = this.#audited;
    const listing = deduplicationRepo.listAssignments({ segments: this.#segments, signal });
    for await (const assignment of listing) {
      if (itemRepo.ownsAssignment(assignment)) note(assignment.item, assignment.deduplicationId);
    }
  }

  async #lookAt(item: string, deduplicationIds: readonly string[]): Promise<Look> {
    const found = await this.#audited.audit.lookAt(item, deduplicationIds);
    const places = [
      found.isInBank ? IN_BANK : 0,
      found.isInLedger ? ENTERED : 0,
      found.isRetired ? RETIRED : 0,
      found.owners.length > 0 ? GIVEN : 0,
      found.owners.length > 1 ? GIVEN_AGAIN : 0,
    ];
    return {
      places: places.reduce((all, place) => all | place, 0),
      deduplicationIds: found.owners,
    };
  }
}
