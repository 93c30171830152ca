// A file of rows that can be continued after the writing was stopped, or killed at any moment: a second
// file beside the partial file records how much of it is valid, and where to continue reading.
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { EXIT_CODES } from './exit-codes.js';
import { CommandFailure, type Failure, Interruption } from './failures.js';
import { note } from './output.js';
import { openForOwner, openPartialFile, type PartialFile, partialPathOf } from './partial-file.js';
import type { Row, RowText } from './rows.js';

/** The rows to write. A position is opaque text from which the rows after it can be read. */
export interface ResumableRows extends AsyncIterable<Row> {
  /** The position after the last row that was returned. */
  readonly position: string;
}

export interface ResumableExport {
  readonly file: string;
  readonly text: RowText;
  readonly isResumed: boolean;
  /** What has to be the same when it is resumed. */
  readonly source: Readonly<Record<string, unknown>>;
  /** `null`: from the beginning. */
  open(position: string | null): ResumableRows;
  describeFailure(error: unknown): Failure;
}

interface Checkpoint {
  /** How much of the file is valid. */
  readonly bytes: number;
  /** How many cells in it are risky. */
  readonly riskyCells: number;
  readonly position: string;
}

const VERSION = 1;
/** How much time a kill costs at most. */
const CHECKPOINT_INTERVAL_MS = 1_000;
const MAX_PENDING_ROWS = 500;

export async function writeResumableRows(work: ResumableExport): Promise<void> {
  const { file, isResumed } = work;
  const saved = isResumed ? await readCheckpoint(work) : null;
  if (isResumed && saved === null) note('There is nothing to resume: starting from the beginning.');
  // Before the partial file is emptied: a checkpoint must never belong to other contents.
  if (saved === null) await rm(checkpointPathOf(file), { force: true });
  const partial = await openPartialFile(file, saved === null ? 'w' : 'r+');
  const writer = new CheckpointedWriter(work, partial, saved);
  const rows = work.open(saved?.position ?? null);
  try {
    // The rows after the checkpoint are read again.
    if (saved !== null) await partial.handle.truncate(saved.bytes);
    await writer.writeAll(rows);
    await partial.handle.sync();
    await partial.complete();
  } catch (error) {
    // If this fails (disk full), the previous checkpoint remains valid.
    await writer.save(rows.position).catch(() => {});
    if (!writer.hasCheckpoint) {
      await partial.remove();
      throw error;
    }
    await partial.handle.close();
    throw withWayToGoOn(error, work.describeFailure(error), partial.path);
  }
  await rm(checkpointPathOf(file), { force: true });
}

function withWayToGoOn(error: unknown, failure: Failure, partialPath: string): CommandFailure {
  const isPassing =
    error instanceof Interruption ||
    failure.remedy === null ||
    failure.exitCode === EXIT_CODES.tryAgain;
  const again = `un the same command again with --resume: "${partialPath}" has what was read so far.`;
  return new CommandFailure({
    ...failure,
    message: failure.message,
    remedy: isPassing ? `R${again}` : `${failure.remedy} Then r${again}`,
  });
}

class CheckpointedWriter {
  /** Whether the disk has a checkpoint to continue from. */
  hasCheckpoint: boolean;
  readonly #work: ResumableExport;
  readonly #partial: PartialFile;
  /** The length of the file up to the last row that was written whole. */
  #bytes: number;
  #pendingRows: Row[] = [];
  #hasRows = false;
  #isBroken = false;
  #savedMs = performance.now();

  constructor(work: ResumableExport, partial: PartialFile, saved: Checkpoint | null) {
    this.#work = work;
    this.#partial = partial;
    this.#bytes = saved?.bytes ?? 0;
    work.text.riskyCells = saved?.riskyCells ?? 0;
    this.hasCheckpoint = saved !== null;
  }

  async writeAll(rows: ResumableRows): Promise<void> {
    if (!this.hasCheckpoint) await this.#write(this.#work.text.head);
    for await (const row of rows) {
      this.#hasRows = true;
      this.#pendingRows.push(row);
      const isDue = performance.now() - this.#savedMs >= CHECKPOINT_INTERVAL_MS;
      if (isDue) await this.save(rows.position);
      else if (this.#pendingRows.length >= MAX_PENDING_ROWS) await this.#writePendingRows();
    }
    await this.#writePendingRows();
  }

  /** The rows reach the disk before the checkpoint that depends on them. */
  async save(position: string): Promise<void> {
    if (!this.#hasRows || this.#isBroken) return;
    await this.#writePendingRows();
    await this.#partial.handle.datasync();
    const { file, source, text } = this.#work;
    const { riskyCells } = text;
    const content = { version: VERSION, source, bytes: this.#bytes, riskyCells, position };
    const path = checkpointPathOf(file);
    const handle = await openForOwner(`${path}.new`, 'w');
    try {
      await handle.writeFile(JSON.stringify(content));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(`${path}.new`, path);
    this.hasCheckpoint = true;
    this.#savedMs = performance.now();
  }

  async #writePendingRows(): Promise<void> {
    const rows = this.#pendingRows;
    this.#pendingRows = [];
    if (rows.length > 0) await this.#write(this.#work.text.of(rows));
  }

  async #write(text: string): Promise<void> {
    const buffer = Buffer.from(text);
    // A checkpoint must not include rows that were written in part, or not at all.
    this.#isBroken = true;
    for (let offset = 0; offset < buffer.length; ) {
      const position = this.#bytes + offset;
      const { bytesWritten } = await this.#partial.handle.write(
        buffer,
        offset,
        buffer.length - offset,
        position,
      );
      offset += bytesWritten;
    }
    this.#isBroken = false;
    this.#bytes += buffer.length;
  }
}

/** `null` when there is none. */
async function readCheckpoint({ file, source }: ResumableExport): Promise<Checkpoint | null> {
  const text = await readFile(checkpointPathOf(file), 'utf8').catch(nullIfMissing);
  const partial = await stat(partialPathOf(file)).catch(nullIfMissing);
  if (text === null || partial === null) return null;
  const content = contentOf(text);
  if (content === null) throw notResumable(file, 'the ".resume" file beside it cannot be read');
  if (JSON.stringify(content.source) !== JSON.stringify(source)) {
    throw notResumable(
      file,
      'it was started with other options, for other tables or by an earlier version',
    );
  }
  if (partial.size < content.bytes) throw notResumable(file, 'a part of it is missing');
  return content;
}

function contentOf(text: string): (Checkpoint & { readonly source?: unknown }) | null {
  try {
    const { version, bytes, riskyCells, position, source } = JSON.parse(text);
    const isUsable =
      version === VERSION &&
      [bytes, riskyCells].every(Number.isSafeInteger) &&
      typeof position === 'string';
    return isUsable ? { bytes, riskyCells, position, source } : null;
  } catch {
    return null;
  }
}

function nullIfMissing(error: { readonly code?: string }): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function notResumable(file: string, reason: string): CommandFailure {
  return new CommandFailure({
    code: 'NOT_RESUMABLE',
    message: `"${partialPathOf(file)}" cannot be resumed: ${reason}.`,
    remedy: 'Pass the options that it was started with, or start again without --resume.',
    exitCode: EXIT_CODES.file,
  });
}

/** The file contains keys in readable form. */
function checkpointPathOf(file: string): string {
  return `${partialPathOf(file)}.resume`;
}
