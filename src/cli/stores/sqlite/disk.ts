// What the disk does to the promises: findings about the place of the file.
import { constants, type StatsFs } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { platform } from 'node:os';
import { dirname } from 'node:path';
import { fault, ok, unknown, warning } from '../findings.js';
import type { Finding } from '../store.js';

const SUBJECT = 'disk';

/** Numbers of Linux: see "statfs(2)" in its manual. */
const NETWORK: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB 2',
  16914839: '9P',
  1702057286: 'FUSE',
  1397113167: 'AFS',
  12805120: 'Ceph',
  198183888: 'Lustre',
  1952539503: 'OCFS2',
  18225520: 'GFS2',
  2020557398: 'a shared folder of VirtualBox',
};
const IN_MEMORY: Readonly<Record<number, string>> = { 16914836: 'tmpfs', 2240043254: 'ramfs' };
const OF_CONTAINER: Readonly<Record<number, string>> = { 2035054128: 'overlayfs' };

/** Below it, a sale of some hundred thousand items may not fit. */
const MIN_FREE_BYTES = 256 * 1024 ** 2;

export async function* diskFindings(path: string): AsyncGenerator<Finding, void, void> {
  yield await accessFinding(path);
  const found = await statfs(path).catch(() => null);
  yield fileSystemFinding(found);
  yield spaceFinding(found);
}

async function accessFinding(path: string): Promise<Finding> {
  const mayWrite = (place: string) =>
    access(place, constants.R_OK | constants.W_OK).then(
      () => true,
      () => false,
    );
  const closed = [];
  if (!(await mayWrite(path))) closed.push('the file');
  if (!(await mayWrite(dirname(path)))) closed.push('its folder');
  if (closed.length === 0) return ok('file', 'it and its folder can be written');
  return fault(
    'file',
    `no permission to write ${closed.join(' nor ')}`,
    'Give it to whoever runs this: SQLite writes two more files beside the database.',
  );
}

/** @param found `null` where it cannot be known */
export function fileSystemFinding(
  found: Pick<StatsFs, 'type'> | null,
  system: string = platform(),
): Finding {
  // On other systems the number means something else.
  if (found === null || system !== 'linux') {
    return unknown(SUBJECT, 'which file system: it must be one of this machine, not of a network');
  }
  const type = found.type >>> 0;
  const network = NETWORK[type];
  if (network !== undefined) {
    return fault(
      SUBJECT,
      `the file is on ${network}, which may be shared by machines: locks do not hold there, and items are given twice`,
      'Move the file to a disk of this machine, or use PostgreSQL or DynamoDB for several machines.',
    );
  }
  const memory = IN_MEMORY[type];
  if (memory !== undefined) {
    return fault(
      SUBJECT,
      `the file is in memory (${memory}): all of it is gone after a restart`,
      'Move the file to a disk.',
    );
  }
  const container = OF_CONTAINER[type];
  if (container !== undefined) {
    return warning(
      SUBJECT,
      `the file is in a layer of a container (${container}): it goes when the container is removed`,
      'Keep the file in a volume.',
    );
  }
  return ok(SUBJECT, 'the file system is one of this machine');
}

export function spaceFinding(found: Pick<StatsFs, 'bavail' | 'bsize'> | null): Finding {
  if (found === null) return unknown(SUBJECT, 'free space');
  const freeBytes = found.bavail * found.bsize;
  const text = `free: ${sizeText(freeBytes)}`;
  return freeBytes < MIN_FREE_BYTES
    ? warning(SUBJECT, text, 'Make room: on a full disk nothing more is handed out.')
    : ok(SUBJECT, text);
}

export function sizeText(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1_024 && unit < units.length - 1) {
    size /= 1_024;
    unit++;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}
