// What a process wrote down before and after each of its calls: see worker-loop.mjs.
import { closeSync, openSync, readSync } from 'node:fs';

/** A part of a plan, by its place in it. */
export interface Planned {
  readonly index: number;
}

interface Invoked<Asked> {
  readonly event: 'invoked';
  /** Names the call; another attempt is another call. */
  readonly call: string;
  readonly asked: Asked;
  readonly atNs: number;
}

interface Returned<Answer> {
  readonly event: 'returned';
  readonly call: string;
  readonly answer: Answer;
  readonly atNs: number;
}

interface Failed {
  readonly event: 'failed';
  readonly call: string;
  readonly error: string;
  readonly atNs: number;
}

/** What was planned at that place is done. */
interface Answered extends Planned {
  readonly event: 'answered';
}

type Line<Asked, Answer> = Invoked<Asked> | Returned<Answer> | Failed | Answered;

export interface JournaledCall<Asked, Answer> {
  readonly asked: Asked;
  readonly invokedAt: number;
  /** Without an answer in the journal the call may have done anything, or may still: `Infinity`. */
  readonly returnedAt: number;
  readonly answer: Answer | undefined;
}

/**
 * Reads a journal while it is being written, by one life of the process after another.
 *
 * @typeParam Asked what a call asks for, with its place in the plan unless it belongs to no plan
 */
export class Journal<Asked extends Partial<Planned>, Answer> {
  /** Lines that a kill cut off. */
  tornLines = 0;
  /** How often calls failed with each error. */
  readonly errors = new Map<string, number>();
  /** What of the plan was begun, and what was done. */
  readonly begun = new Set<number>();
  readonly answered = new Set<number>();

  readonly #file: number;
  readonly #buffer = Buffer.alloc(2 ** 16);
  #offsetBytes = 0;
  #unfinishedLine = '';
  readonly #invoked = new Map<string, Invoked<Asked>>();
  readonly #returned = new Map<string, Returned<Answer>>();

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

  calls(): JournaledCall<Asked, Answer>[] {
    return [...this.#invoked.values()].map(({ call, asked, atNs: invokedAt }) => {
      const returned = this.#returned.get(call);
      const returnedAt = returned?.atNs ?? Infinity;
      return { asked, invokedAt, returnedAt, answer: returned?.answer };
    });
  }

  #read(text: string): void {
    // Each life begins with a line break, so that it never goes on in a line that a kill cut off.
    if (text === '') return;
    const line = parse<Line<Asked, Answer>>(text);
    switch (line?.event) {
      case undefined:
        this.tornLines++;
        return;
      case 'invoked':
        this.#invoked.set(line.call, line);
        if (line.asked.index !== undefined) this.begun.add(line.asked.index);
        return;
      case 'failed':
        this.errors.set(line.error, (this.errors.get(line.error) ?? 0) + 1);
        return;
      case 'answered':
        this.answered.add(line.index);
        return;
      case 'returned': {
        const isKnown = this.#invoked.has(line.call);
        if (!isKnown) throw new Error(`Call ${line.call} returned but never began.`);
        this.#returned.set(line.call, line);
      }
    }
  }
}

function parse<Value>(text: string): Value | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
