// Finds the driver of a store among the packages that are installed: none comes with this package.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { EXIT_CODES } from '../exit-codes.js';
import { CommandFailure } from '../failures.js';

/** What can serve as a driver: a package, or a part of Node.js. */
export interface DriverCandidate<Driver> {
  readonly name: string;
  /** `null` where it is not there; throws if it is there and cannot be used. */
  load(): Driver | null;
}

/**
 * The package as it is installed where the command runs, else where this package is; `null` if it is in neither
 * place.
 */
export function installedPackage<Package>(name: string): Package | null {
  for (const place of [join(process.cwd(), 'any.js'), import.meta.url]) {
    const require = createRequire(place);
    const path = resolvedBy(require, name);
    if (path !== null) return require(path);
  }
  return null;
}

function resolvedBy(require: NodeJS.Require, name: string): string | null {
  try {
    return require.resolve(name);
  } catch {
    return null;
  }
}

/**
 * The first one that can be used.
 *
 * @throws CommandFailure that says what to install
 */
export function firstDriver<Driver>(
  candidates: readonly DriverCandidate<Driver>[],
  storeName: string,
  remedy: string,
): Driver {
  const unusable: string[] = [];
  for (const { name, load } of candidates) {
    try {
      const driver = load();
      if (driver !== null) return driver;
    } catch {
      unusable.push(name);
    }
  }
  const [broken] = unusable;
  if (broken !== undefined) {
    throw new CommandFailure({
      code: 'DRIVER_UNUSABLE',
      message: `The driver "${broken}" is installed, but this Node.js (${process.version}) cannot load it.`,
      remedy: `Install it again with this Node.js: npm rebuild ${broken}. ${remedy}`,
      exitCode: EXIT_CODES.setUp,
    });
  }
  throw new CommandFailure({
    code: 'DRIVER_MISSING',
    message: `No driver of ${storeName} is installed where the command runs, nor where storagebox is.`,
    remedy,
    exitCode: EXIT_CODES.setUp,
  });
}
