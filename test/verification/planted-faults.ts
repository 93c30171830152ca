// Faults to plant in a copy of the library, each a mistake that somebody could make. The harness
// counts only because it notices every one of them.
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RandomScenarios } from './simulation/random-scenario.js';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Change {
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly code: string;
  readonly replacement: string;
}

export interface PlantedFault extends Change {
  readonly name: string;
  /** Whether the original module has it. */
  readonly isOriginals?: true;
  /** The rules of the judge that it breaks; noticing it by any other proves nothing. */
  readonly noticedBy: readonly string[];
  /** The name of a systematic scenario in which it shows, where random runs seldom come upon it. */
  readonly scenario?: string;
  /** The random scenarios in which it shows. Default: those of the crowd, or `mixed`. */
  readonly scenarios?: RandomScenarios;
  /** The crowd (`what` in `CROWDS`) in whose copy of the library and random scenarios it shows. */
  readonly crowd?: string;
}

/** The crowd in which claims share transactions. */
const TOGETHER = 'with claims that travel together';

export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    name: 'take before read: sold out is said without looking at the ID',
    isOriginals: true,
    file: 'dynamodb/claim/atomic-claim.ts',
    code: `  const row = await claims.table.readRowInTransaction(call.deduplicationId);
  return`,
    replacement: '  const row = undefined;\n  return',
    noticedBy: ['R6'],
  },
  {
    name: 'put and delete one after the other, not in one transaction',
    isOriginals: true,
    file: 'dynamodb/claim/grouped-claims.ts',
    code: `    const { bank, table } = this;
    return sendTransaction({`,
    replacement: `    const { bank, table } = this;
    const [{ deduplicationId, item }] = claims as readonly [GroupedClaim];
    const send = (action: object) =>
      sendTransaction({ tables: [table], actions: [action], patienceMs: CLAIM_PATIENCE_MS });
    return send({ Delete: bank.removal(item) }).then(async (taken): Promise<TransactionOutcome> => {
      const reasons = [{}, { Code: 'ConditionalCheckFailed' }];
      if (taken.status !== 'committed') {
        return { status: 'conditionFailed', error: null, reasons, isInDoubt: false };
      }
      const put = { Put: table.assignment(deduplicationId, item, bank.tableName) };
      const outcome = await send(put);
      if (outcome.status === 'conditionFailed') await bank.addChunk([item]);
      return outcome;
    });
    return sendTransaction({`,
    noticedBy: ['R3'],
  },
  {
    name: 'any error reads as a lost race',
    isOriginals: true,
    file: 'dynamodb/transaction.ts',
    code: `    const { error, isFinal } = failure;
`,
    replacement: `    const { error, isFinal } = failure;
    if (!isConditionFailure(error)) {
      return { status: 'conditionFailed', reasons: [{}, { Code: CONDITION_FAILED }] };
    }
`,
    noticedBy: ['R2', 'R3', 'R6'],
  },
  {
    name: 'an empty page reads as the end of the table',
    isOriginals: true,
    file: 'dynamodb/scan.ts',
    code: 'const nextKey = LastEvaluatedKey === undefined ?',
    replacement: 'const nextKey = LastEvaluatedKey === undefined || Items?.length === 0 ?',
    noticedBy: ['R6'],
  },
  {
    name: 'a new token each time that a transaction is sent',
    isOriginals: true,
    file: 'dynamodb/transaction.ts',
    code: '      await client.send(this.#command);',
    replacement: `      this.#command.input.ClientRequestToken = runtime.uuid();
      await client.send(this.#command);`,
    noticedBy: ['R2', 'R3'],
  },
  {
    name: 'a plain read on the way to null',
    isOriginals: true,
    file: 'dynamodb/claim/atomic-claim.ts',
    code: `  const row = await claims.table.readRowInTransaction(call.deduplicationId);
  return`,
    replacement: `  const row = await claims.table.readRow(call.deduplicationId);
  return`,
    noticedBy: ['R6'],
  },
  {
    name: 'pages that are eventually consistent',
    isOriginals: true,
    file: 'dynamodb/scan.ts',
    code: 'ConsistentRead: true,',
    replacement: 'ConsistentRead: false,',
    noticedBy: ['R6'],
  },
  {
    name: 'a pass that began before the call proves the bank empty',
    file: 'dynamodb/claim/emptiness-proof.ts',
    code: 'return lastProof > mark;',
    replacement: 'return lastProof > 0 && lastProof >= mark;',
    noticedBy: ['R6'],
  },
  {
    name: 'half a pass proves the bank empty',
    file: 'dynamodb/claim/bank-pass.ts',
    code: 'this.isComplete = this.#isFromHead;',
    replacement: 'this.isComplete = true;',
    noticedBy: ['R6'],
  },
  {
    name: 'items in flight in this process do not count for the proof',
    file: 'dynamodb/claim/candidate-pool.ts',
    code: 'const isNothingLeft = this.#available.size === 0 && this.#inFlight.size === 0;',
    replacement: 'const isNothingLeft = this.#available.size === 0;',
    noticedBy: ['R6'],
  },
  {
    name: 'a second read from elsewhere goes on with the pass of the read that stalls',
    file: 'dynamodb/claim/candidate-pool.ts',
    code: `    const pass = this.#emptiness.newPass(runtime.uuid());
    return { pass, replaces: this.#pass, ...this.#wantedPage(pass) };`,
    replacement: `    const pass = this.#pass;
    return { pass, replaces: pass, startKey: runtime.uuid(), demand: 1 };`,
    noticedBy: ['R6'],
  },
  {
    name: 'a candidate that was not needed is forgotten',
    file: 'dynamodb/claim/candidate-pool.ts',
    code: `      case 'kept':
        this.#available.add(item);`,
    replacement: "      case 'kept':",
    noticedBy: ['R6'],
  },
  {
    name: 'a candidate that was let go of counts as tried',
    file: 'dynamodb/claim/candidate-pool.ts',
    code: `        this.#pass.hasLeftOutItems = true;
        this.#window.noteSetback(this.#inFlight.size);`,
    replacement: '        this.#window.noteSetback(this.#inFlight.size);',
    noticedBy: ['R6'],
  },
  {
    name: 'all who share a look are told what the first of them has',
    file: 'dynamodb/claim/transactional-reads.ts',
    code: 'const response = responses[position];',
    replacement: 'const response = responses[0];',
    noticedBy: ['R1', 'R6'],
  },
  {
    name: 'an item is deleted whether it is there or not',
    file: 'dynamodb/item-bank-table.ts',
    code: "      ConditionExpression: 'attribute_exists(#item)',\n",
    replacement: '',
    noticedBy: ['R2'],
  },
  {
    name: 'an ID is assigned whether it has an item or not',
    file: 'dynamodb/deduplication-table.ts',
    code: "      ConditionExpression: 'attribute_not_exists(#id)',\n",
    replacement: '',
    noticedBy: ['R1', 'R3'],
  },
  {
    name: 'an unknown outcome is taken for a success',
    file: 'dynamodb/transaction.ts',
    code: '    const mayPass =',
    replacement: `    if (attempts.mayHaveLanded) return { status: 'committed' };
    const mayPass =`,
    noticedBy: ['R1', 'R3'],
  },
  {
    name: 'a call believes a "sold out" that was looked for before it began',
    file: 'hand-out/shared-claims.ts',
    code: '      await this.#wait(key, earlier, inTime(earlier.ended), signal);',
    replacement: `      const ended = earlier.result.catch(() => null);
      const result = await this.#wait(key, earlier, ended, signal);
      if (result?.status === 'exhausted') return result;`,
    noticedBy: ['R6'],
  },
  {
    name: 'a call that waits for an earlier one takes over its failure',
    file: 'hand-out/shared-claims.ts',
    code: 'inTime(earlier.ended)',
    replacement: 'earlier.result',
    noticedBy: ['inherited'],
  },
  {
    name: 'every call that shared a claim is told that its item is new',
    file: 'hand-out/shared-claims.ts',
    code: '    if (claim.isClaimTold)',
    replacement: '    if (false)',
    noticedBy: ['told twice'],
  },
  {
    name: 'an ID that has an item is given the candidate',
    file: 'dynamodb/claim/atomic-claim.ts',
    code: `        return existingOf(claims, call, row);
      }`,
    replacement: `        const existing = await existingOf(claims, call, row);
        return existing && ({ ...existing, item } as AnyClaimResult);
      }`,
    noticedBy: ['R1'],
  },
  {
    name: 'a jump leaves candidates behind and goes on with the same pass',
    file: 'dynamodb/claim/candidate-pool.ts',
    code: `    this.#barrenStretches++;
    this.#beginPass();`,
    replacement: '    this.#barrenStretches++;',
    noticedBy: ['R6'],
  },
  {
    name: 'an outcome that may have landed is reported as the last refusal',
    file: 'dynamodb/transaction.ts',
    code: '    return this.mayHaveLanded ?',
    replacement: '    return false ?',
    noticedBy: ['error'],
  },
  {
    name: 'every claim throws',
    file: 'dynamodb/claim/atomic-claim.ts',
    code: '  const call: Call = {\n',
    replacement:
      "  if (deduplicationId !== '') throw new TypeError('planted');\n  const call: Call = {\n",
    noticedBy: ['error'],
  },
  {
    name: 'a call takes over the item of a claim that began before it',
    file: 'hand-out/shared-claims.ts',
    code: '      await this.#wait(key, earlier, inTime(earlier.ended), signal);',
    replacement: `      const result = await this.#wait(key, earlier, earlier.result, signal);
      if (result.status !== 'exhausted') return { ...result, status: 'existing' };`,
    noticedBy: ['order'],
    scenario: 'a late answer to a claim, while its ID releases and claims again',
  },
  {
    name: 'the reads of an ID are eventually consistent',
    file: 'dynamodb/deduplication-table.ts',
    code: 'ConsistentRead: true,',
    replacement: 'ConsistentRead: false,',
    noticedBy: ['order'],
    scenario: 'a release and then a claim of one ID, stale reads',
  },
  {
    name: 'a release in two writes: the assignment ends, then the item returns',
    file: 'dynamodb/claim/change-assignment.ts',
    code: `      actions: [...actions, ...ownActions(alongside?.(item), actions.length, ours)],
      patienceMs: CLAIM_PATIENCE_MS,
      signal: patience.signal,
    });
    if (outcome.status === 'failed') throw outcome.error;
    if (outcome.status === 'committed') return answer;
`,
    replacement: `      actions: actions.slice(0, 1),
      patienceMs: CLAIM_PATIENCE_MS,
      signal: patience.signal,
    });
    if (outcome.status === 'failed') throw outcome.error;
    if (outcome.status === 'committed') {
      if (actions.length > 1) await bank.returnItem(item);
      return answer;
    }
`,
    noticedBy: ['order'],
  },
  {
    name: 'a release does not ask whether the row is unchanged',
    file: 'dynamodb/deduplication-table.ts',
    code: 'return this.#ifAsRead(row, [ITEM_ATTRIBUTE, ASSIGNED_AT_ATTRIBUTE, HELD_UNTIL_ATTRIBUTE]);',
    replacement: 'return { TableName: this.tableName, Key: this.#ifAsRead(row, []).Key };',
    noticedBy: ['order'],
  },
  {
    name: 'a release ends a later assignment of the same item to the same ID',
    file: 'dynamodb/deduplication-table.ts',
    code: '[ITEM_ATTRIBUTE, ASSIGNED_AT_ATTRIBUTE, HELD_UNTIL_ATTRIBUTE]',
    replacement: '[ITEM_ATTRIBUTE]',
    noticedBy: ['order'],
    scenario: 'a release and then a claim of one ID, 1 late write, 1 crash',
  },
  {
    name: 'a retired item returns to the bank',
    file: 'dynamodb/claim/change-assignment.ts',
    code: ': retireIn(origins, item);',
    replacement: ': returnTo(origins, item);',
    noticedBy: ['order'],
  },
  {
    name: 'the turn of those who look if it is still sold out never ends',
    file: 'dynamodb/claim/turns.ts',
    code: 'await runtime.sleep(0);\n    this.#begin();',
    replacement: 'await runtime.sleep(0);',
    noticedBy: ['stuck'],
  },
  {
    name: 'a call that waits for a candidate is never woken',
    file: 'dynamodb/claim/candidate-pool.ts',
    code: `    this.#noteProof();
    this.#serve();
  }

  /** This process took`,
    replacement: `    this.#noteProof();
  }

  /** This process took`,
    noticedBy: ['stuck'],
  },
  {
    name: 'what the bank holds never enters the ledger',
    file: 'dynamodb/put-if-absent.ts',
    code: 'const isKnown = lacking.at(-1) !== tables.at(-1);',
    replacement: 'const isKnown = true;',
    noticedBy: ['R2', 'R3'],
    scenario:
      'a batch beside a bank that was seeded without its ledger, then claims, then the batch again',
  },
  {
    name: "the doubt of a chunk's first transaction is forgotten",
    file: 'dynamodb/put-if-absent.ts',
    code: 'isInDoubt = outcome.isInDoubt;',
    replacement: 'isInDoubt = false;',
    noticedBy: ['error'],
    scenario: 'a batch without a ledger, its first transaction late and its second one refused',
  },
  {
    name: 'the reasons of a group are read at the positions of other claims',
    file: 'dynamodb/claim/grouped-claims.ts',
    code: `all.slice(2 * position, 2 * position + 2);`,
    replacement: `all.slice(-2 * position - 2).slice(0, 2);`,
    noticedBy: ['R6', 'R1', 'R2', 'R3', 'stuck', 'error'],
    crowd: TOGETHER,
  },
  {
    name: 'a group is put together anew after an unknown outcome',
    file: 'dynamodb/transaction.ts',
    code: '    const mayPass =',
    replacement: `    if (actions.length > 2 && attempts.canFindOut(error)) {
      const CancellationReasons = actions.map(() => ({ Code: 'None' }));
      const cancelled = Object.assign(new Error(), { CancellationReasons });
      return { status: 'failed', error: cancelled, isObstructed: true, isRefused: false };
    }
    const mayPass =`,
    noticedBy: ['order'],
    crowd: TOGETHER,
    scenario: 'two claims together, then a release of one, 1 lost response',
  },
  {
    name: 'a token is sent again with other claims',
    file: 'dynamodb/transaction.ts',
    code: `      await client.send(this.#command);`,
    replacement: `      if (this.mayHaveLanded) {
        const { input } = this.#command;
        input.TransactItems = input.TransactItems?.slice(0, 2);
      }
      await client.send(this.#command);`,
    noticedBy: ['request', 'R1', 'R2', 'R3', 'R6'],
    crowd: TOGETHER,
  },
  {
    name: 'the item of a claim that others cancelled counts as gone',
    file: 'dynamodb/claim/atomic-claim.ts',
    code: `    case 'cancelledByOthers':
      settle('kept');`,
    replacement: `    case 'cancelledByOthers':
      settle('gone');`,
    noticedBy: ['R6'],
    crowd: TOGETHER,
  },
  {
    name: 'a claim is lost between two groups',
    file: 'store-kit/group-commit.ts',
    code: `|| keys.has(key))) break;`,
    replacement: `|| keys.has(key))) {
        waiting.take();
        break;
      }`,
    noticedBy: ['stuck'],
    crowd: TOGETHER,
  },
  {
    name: 'the same ID is twice in one transaction',
    file: 'store-kit/group-commit.ts',
    code: ` || keys.has(key))`,
    replacement: ')',
    noticedBy: ['request'],
    crowd: TOGETHER,
  },
  {
    name: 'a claim that is refused fails all that travel with it',
    file: 'dynamodb/claim/grouped-claims.ts',
    code: `      if (isRefused && !isAlone)`,
    replacement: `      if (isRefused && isAlone && false)`,
    noticedBy: ['poisoned'],
    crowd: TOGETHER,
  },
  {
    name: 'a claim that no reason names counts as claimed',
    file: 'dynamodb/claim/grouped-claims.ts',
    code: `  const isBlameless = `,
    replacement: `  if (reasons.every(({ Code }) => Code === 'None')) return { status: 'committed' };
  const isBlameless = `,
    noticedBy: ['R1', 'R2', 'R3'],
    crowd: TOGETHER,
  },
  {
    name: 'an unknown outcome of a group is read as a refusal',
    file: 'dynamodb/transaction.ts',
    code: '    const mayPass =',
    replacement: `    if (actions.length > 2 && attempts.canFindOut(error)) {
      return { status: 'failed', error, isObstructed: false, isRefused: true };
    }
    const mayPass =`,
    noticedBy: ['order'],
    crowd: TOGETHER,
    scenario: 'two claims together, then a release of one, 1 lost response',
  },
  {
    name: 'a sweep takes back every hold that it was told of, confirmed or not',
    file: 'dynamodb/claim/change-assignment.ts',
    code: 'const isExpired = heldUntil !== null && heldUntil <= at;',
    replacement: 'const isExpired = true;',
    noticedBy: ['sweep'],
    scenarios: 'wishes',
  },
  {
    name: 'a sweep forgets the end of the hold',
    file: 'dynamodb/deduplication-table.ts',
    code: '[ITEM_ATTRIBUTE, ASSIGNED_AT_ATTRIBUTE, HELD_UNTIL_ATTRIBUTE]',
    replacement: '[ITEM_ATTRIBUTE, ASSIGNED_AT_ATTRIBUTE]',
    noticedBy: ['sweep'],
    scenarios: 'wishes',
  },
  {
    name: 'a release forgets the end of the hold, and ends what was confirmed since it was given up',
    file: 'dynamodb/deduplication-table.ts',
    code: '[ITEM_ATTRIBUTE, ASSIGNED_AT_ATTRIBUTE, HELD_UNTIL_ATTRIBUTE]',
    replacement: '[ITEM_ATTRIBUTE, ASSIGNED_AT_ATTRIBUTE]',
    noticedBy: ['late'],
    scenario: 'a release that is late, and a confirmation, 1 crash',
  },
  {
    name: 'a confirmation revives a row that is gone',
    file: 'dynamodb/deduplication-table.ts',
    code: "return { ...this.unassignment(row), UpdateExpression: 'REMOVE #held_until' } as Update;",
    replacement: `const { TableName, Key } = this.unassignment(row);
    return { TableName, Key, UpdateExpression: 'REMOVE #held_until' } as Update;`,
    noticedBy: ['row'],
    scenario: 'a sweep and a confirmation of a hold that has ended, row by row',
  },
  {
    name: 'a confirmation is for any hold of the item',
    file: 'dynamodb/deduplication-table.ts',
    code: 'return { ...this.unassignment(row), UpdateExpression',
    replacement: 'return { ...this.#ifAsRead(row, [ITEM_ATTRIBUTE]), UpdateExpression',
    noticedBy: ['late'],
    scenario: 'a confirmation that is late, a sweep and a new hold of the same item, 1 crash',
  },
  {
    name: 'a confirmation does not look at the item that was paid for',
    file: 'dynamodb/claim/change-assignment.ts',
    code: 'if (expected !== undefined && item !== expected)',
    replacement: "if (expected === '')",
    noticedBy: ['wish', 'sender'],
    scenarios: 'wishes',
  },
  {
    name: 'a confirmation tells what it read, and writes nothing',
    file: 'dynamodb/claim/change-assignment.ts',
    code: 'if (row[HELD_UNTIL_ATTRIBUTE] === undefined) return',
    replacement: 'if (row[HELD_UNTIL_ATTRIBUTE] !== null) return',
    noticedBy: ['told'],
    scenarios: 'wishes',
  },
  {
    name: 'an extension opens what was confirmed',
    file: 'dynamodb/deduplication-table.ts',
    code: '    const condition = this.unassignment(row);',
    replacement: '    const condition = this.presence(row);',
    noticedBy: ['row'],
    scenarios: 'wishes',
  },
  {
    name: 'a second claim makes a hold shorter',
    file: 'store-kit/hold.ts',
    code: 'end !== null && end > heldUntil ? end : null',
    replacement: 'end',
    noticedBy: ['row'],
    scenarios: 'wishes',
  },
  {
    name: 'a hold has no longest time',
    file: 'store-kit/hold.ts',
    code: 'Math.min(endMs, assignedAt.getTime() + maxHoldMs)',
    replacement: 'endMs + 0 * Math.min(maxHoldMs, assignedAt.getTime())',
    noticedBy: ['row'],
    scenarios: 'wishes',
  },
  {
    name: 'a group in two transactions',
    file: 'dynamodb/claim/group-claim.ts',
    code: '    const outcome = await sendTransaction({\n',
    replacement: `    const [first, ...others] = parts.filter((part) => part.actions.length === 2);
    if (first !== undefined && others.length > 0) {
      const sent = await sendTransaction({
        tables: [table, bank],
        actions: [...first.actions],
        patienceMs: CLAIM_PATIENCE_MS,
        signal,
      });
      if (sent.status === 'failed') throw sent.error;
      return null;
    }
    const outcome = await sendTransaction({\n`,
    noticedBy: ['group'],
    scenarios: 'wishes',
  },
  {
    name: 'a group does not ask whether the others keep theirs',
    file: 'dynamodb/claim/group-claim.ts',
    code: '? { ConditionCheck: table.presence(row) }',
    replacement: '? { ConditionCheck: { ...table.presence(row), ConditionExpression: undefined } }',
    noticedBy: ['group'],
    scenarios: 'wishes',
  },
  {
    name: 'a group believes what an earlier one saw in the bank',
    file: 'dynamodb/claim/group-claim.ts',
    code: 'const free = await findItems(this.#pair.bank, needed);',
    replacement: `const seen = this.#pair.bank as unknown as { free?: string[] };
      const isShort = seen.free !== undefined && seen.free.length < needed;
      if (!isShort) seen.free = await findItems(this.#pair.bank, needed);
      const free = seen.free as string[];`,
    noticedBy: ['exhausted'],
    scenarios: 'wishes',
  },
  {
    name: 'own writes once more, in a transaction of their own',
    file: 'dynamodb/claim/grouped-claims.ts',
    code: '    return outcomeOf(claim, 0, 1, outcome) as ClaimOutcome;',
    replacement: `    const { ownActions: own = [] } = claim;
    if (outcome.status === 'committed' && own.length > 0) {
      const { patience } = claim;
      const actions = [...own];
      await sendTransaction({ tables: [this.table], actions, patienceMs: 0, patience });
    }
    return outcomeOf(claim, 0, 1, outcome) as ClaimOutcome;`,
    noticedBy: ['orders'],
    scenarios: 'wishes',
  },
  {
    name: 'own writes before the claim',
    file: 'dynamodb/claim/grouped-claims.ts',
    code: '    const outcome = await this.#sendTransaction([claim], claim.patience, isInDoubt);\n',
    replacement: `    const { ownActions: own = [] } = claim;
    if (own.length > 0) {
      const { patience } = claim;
      const actions = [...own];
      await sendTransaction({ tables: [this.table], actions, patienceMs: 0, patience });
    }
    const outcome = await this.#sendTransaction([{ ...claim, ownActions: [] }], claim.patience);\n`,
    noticedBy: ['orders'],
    scenarios: 'wishes',
  },
  {
    name: 'own writes for the first candidate, whichever item is claimed',
    file: 'dynamodb/claim/atomic-claim.ts',
    code: 'ownActions(alongside?.(item), ACTIONS',
    replacement: 'ownActions((options as { made?: unknown }).made ??= alongside?.(item), ACTIONS',
    noticedBy: ['orders'],
    scenarios: 'wishes',
  },
  {
    name: 'own writes are refused without a look at the ID, which has its item',
    file: 'dynamodb/claim/atomic-claim.ts',
    code: '  if (existing !== null) return existing;\n  throw ownWritesRefused',
    replacement: '  throw ownWritesRefused',
    noticedBy: ['refused', 'denied'],
    scenarios: 'wishes',
  },
  {
    name: 'a chosen item is looked for in a list from before',
    file: 'dynamodb/claim/atomic-claim.ts',
    code: '  if (chosen !== undefined) return { item: chosen, pageNumber: 0 };',
    replacement: `  if (chosen !== undefined) {
    const seen = bank as unknown as { list?: { items: readonly string[] } };
    seen.list ??= await bank.readPage(null, 100);
    if (seen.list.items.includes(chosen)) return { item: chosen, pageNumber: 0 };
    return existingOr(claims, call, { status: 'taken', item: null });
  }`,
    noticedBy: ['taken'],
    scenarios: 'wishes',
  },
  {
    name: 'a chosen item is claimed whether it is there or not',
    file: 'dynamodb/item-bank-table.ts',
    code: "      ConditionExpression: 'attribute_exists(#item)',\n",
    replacement: '',
    noticedBy: ['place'],
    scenarios: 'wishes',
  },
  {
    name: 'taken is said without looking at the ID',
    file: 'dynamodb/claim/atomic-claim.ts',
    code: "return existingOr(claims, call, { status: 'taken', item: null });",
    replacement: "return { status: 'taken', item: null };",
    noticedBy: ['taken'],
    scenarios: 'wishes',
  },
  {
    name: 'calls with other wishes share a claim',
    file: 'hand-out/claimer.ts',
    code: 'const key = JSON.stringify([deduplicationId, item, holdForMs]);',
    replacement: 'const key = deduplicationId;',
    noticedBy: ['wish', 'taken'],
    scenarios: 'wishes',
  },
];

export interface PlantedLibrary {
  /** The URL of its `src`, with a slash at the end. */
  readonly source: string;
  dispose(): Promise<void>;
}

/** A copy of the library with the changes in it, made one after the other. */
export async function plant(changes: readonly Change[]): Promise<PlantedLibrary> {
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-planted-'));
  await cp(join(ROOT, 'src'), join(folder, 'src'), { recursive: true });
  await cp(join(ROOT, 'package.json'), join(folder, 'package.json'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const { file, code, replacement } of changes) {
    const path = join(folder, 'src', file);
    const text = await readFile(path, 'utf8');
    if (text.split(code).length !== 2) {
      throw new Error(`Expected "${code}" exactly once in ${file}: update the planted fault.`);
    }
    await writeFile(
      path,
      text.replace(code, () => replacement),
    );
  }
  return { source: `file://${folder}/src/`, dispose: () => rm(folder, { recursive: true }) };
}
