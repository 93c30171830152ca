// better-sqlite3 is a package whose install script fetches or compiles its binary. Where npm did not run it
// (npm 11 does not unless told to), it is run here, once: what it makes stays in node_modules.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const PACKAGE = 'better-sqlite3';
const { resolve } = createRequire(import.meta.url);
const FOLDER = dirname(dirname(resolve(PACKAGE)));

/** Looks each time it is called: in another process it may have been made meanwhile. */
export function canLoadBetterSqlite3(): boolean {
  try {
    const Database = createRequire(import.meta.url)(PACKAGE);
    new Database(':memory:').close();
    return true;
  } catch {
    return false;
  }
}

/** Throws, with what to do, where it cannot be made. */
export async function makeBetterSqlite3Loadable(): Promise<void> {
  if (canLoadBetterSqlite3()) return;
  if (existsSync(join(FOLDER, 'build/Release/better_sqlite3.node'))) {
    throw new Error(
      `its binary is not for Node.js ${process.version}. Run "npm run install" in node_modules/${PACKAGE}.`,
    );
  }
  const options = {
    cwd: FOLDER,
    env: { ...process.env, ...compilerSettings() },
    shell: process.platform === 'win32',
  };
  // What went wrong shows in the remedy, which is the same command.
  await promisify(execFile)('npm', ['run', 'install'], options).catch(() => {});
  if (canLoadBetterSqlite3()) return;
  throw new Error(
    'it could not be fetched or compiled. Install python3, make and a C++ compiler, and run ' +
      `"npm run install" in node_modules/${PACKAGE}.`,
  );
}

/** Where it has to be compiled: by little optimization, which takes less time, with the headers that are here. */
function compilerSettings(): NodeJS.ProcessEnv {
  const prefix = dirname(dirname(process.execPath));
  const hasHeaders = existsSync(join(prefix, 'include/node/node.h'));
  return {
    JOBS: 'max',
    CFLAGS: '-O1',
    CXXFLAGS: '-O1',
    ...(hasHeaders && { npm_config_nodedir: prefix }),
  };
}
