// A file gets its name once all of it is written, so that half a file is never taken for a whole one.
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EXIT_CODES } from './exit-codes.js';
import { CommandFailure } from './failures.js';

/** The file name that means standard output, or input. */
export const STANDARD_OUTPUT = '-';

const OWNER_ONLY = 0o600;

export interface PartialFile {
  readonly path: string;
  readonly handle: FileHandle;
  /** Renames the partial file to its final name. */
  complete(): Promise<void>;
  remove(): Promise<void>;
}

/** `r+` keeps what is in it already, and rejects when it is not there. */
export async function openPartialFile(file: string, flags: 'w' | 'r+' = 'w'): Promise<PartialFile> {
  await assertPlaceFor(file);
  const path = partialPathOf(file);
  const handle = await openForOwner(path, flags);
  return {
    path,
    handle,
    complete: async () => {
      await handle.close();
      await rename(path, file);
    },
    remove: async () => {
      await handle.close();
      await rm(path, { force: true });
    },
  };
}

/** Items can be worth money: no other user of the machine may read them. */
export async function openForOwner(path: string, flags: 'w' | 'r+'): Promise<FileHandle> {
  const handle = await open(path, flags, OWNER_ONLY);
  // The file may have been there before, with other permissions.
  await handle.chmod(OWNER_ONLY);
  return handle;
}

export function partialPathOf(file: string): string {
  return `${file}.partial`;
}

/**
 * Checked before the store is opened, and before the first row: if the rename failed at the end, all rows
 * would be lost.
 */
export async function assertPlaceFor(file: string = STANDARD_OUTPUT): Promise<void> {
  if (file === STANDARD_OUTPUT) return;
  // Rejects if it is not there.
  await stat(dirname(file));
  const existing = await stat(file).catch(() => null);
  if (!existing?.isDirectory()) return;
  throw new CommandFailure({
    code: 'EISDIR',
    message: `"${file}" is a folder.`,
    remedy: 'Name a file in it.',
    exitCode: EXIT_CODES.file,
  });
}
