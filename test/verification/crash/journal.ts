// What a process wrote down before and after each of its calls: see worker-loop.mjs.
import { closeSync, openSync, readSync } from 'node:fs';
import type { FetchOperation } from '../checker/checker.js';

interface Invoked {
  readonly event: 'invoked';
  /** Names the call; another attempt is another call. */
  readonly call: string;
  /** The place in the plan that the call belongs to. */
  readonly index: number;
  readonly sale: number;
  readonly id: string;
  readonly atNs: number;
}

interface Returned {
  readonly event: 'returned';
  readonly call: string;
  readonly item: string | null;
  readonly atNs: number;
}

interface Failed {
  readonly event: 'failed';
  readonly call: string;
  readonly error: string;
  readonly atNs: number;
}

type Line = Invoked | Returned | Failed;

/** Reads a journal while it is being written, by one life of the process after another. */
export class Journal {
  /** Lines that a kill cut off. */
  tornLines = 0;
  /** How often calls failed with each error. */
  readonly errors = new Map<string, number>();
  /** The planned calls that were made at least once, and those that were answered. */
  readonly begun = new Set<number>();
  readonly answered = new Set<number>();

  readonly #file: number;
  readonly #buffer = Buffer.alloc(2 ** 16);
  #offsetBytes = 0;
  #unfinishedLine = '';
  readonly #invoked = new Map<string, Invoked>();
  readonly #returned = new Map<string, Returned>();

  constructor(readonly path: string) {
    this.#file = openSync(path, 'a+');
  }

  readOn(): void {
    for (;;) {
      const bytes = readSync(this.#file, this.#buffer, 0, this.#buffer.length, this.#offsetBytes);
      if (bytes === 0) return;
      this.#offsetBytes += bytes;
      const lines = (this.#unfinishedLine + this.#buffer.toString('latin1', 0, bytes)).split('\n');
      this.#unfinishedLine = lines.pop() ?? '';
      for (const line of lines) this.#read(line);
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  /** A call without an answer in the journal may have done anything, or may still. */
  operationsOfSale(sale: number): FetchOperation[] {
    const ofSale = [...this.#invoked.values()].filter((invoked) => invoked.sale === sale);
    return ofSale.map(({ call, id, atNs: invokedAt }) => {
      const returned = this.#returned.get(call);
      return {
        kind: 'fetch',
        id,
        invokedAt,
        returnedAt: returned?.atNs ?? Infinity,
        result: returned?.item,
      };
    });
  }

  #read(text: string): void {
    // Each life begins with a line break, so that it never goes on in a line that a kill cut off.
    if (text === '') return;
    const line = parse(text);
    if (line === undefined) {
      this.tornLines++;
      return;
    }
    if (line.event === 'invoked') {
      this.#invoked.set(line.call, line);
      this.begun.add(line.index);
      return;
    }
    if (line.event === 'failed') {
      this.errors.set(line.error, (this.errors.get(line.error) ?? 0) + 1);
      return;
    }
    const invoked = this.#invoked.get(line.call);
    if (invoked === undefined) throw new Error(`Call ${line.call} returned but never began.`);
    this.#returned.set(line.call, line);
    this.answered.add(invoked.index);
  }
}

function parse(text: string): Line | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
