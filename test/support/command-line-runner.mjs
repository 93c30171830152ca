// A process that runs built command lines one after the other, each as if in a process of its own: with its own
// arguments, environment, folder, streams and exit code. What a program imports stays loaded, which is most of what
// a start takes. Started by built-command-line.ts, which it talks to.
import { readdirSync, readlinkSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** Thrown where a program would end its process. */
const ENDED = Symbol('ended');
const ownExit = process.exit;
let runs = 0;

process.on('message', async ({ program, args, env, folder, input }) => {
  const stdout = new Collected();
  const stderr = new Collected();
  const streams = { stdout, stderr, stdin: Readable.from([Buffer.from(input)]) };
  for (const [name, value] of Object.entries(streams)) {
    Object.defineProperty(process, name, { value, configurable: true });
  }
  process.argv = [process.execPath, program, ...args];
  process.env = env;
  process.exitCode = undefined;
  process.chdir(folder);
  let noteCrash;
  const crash = new Promise((resolve) => {
    noteCrash = resolve;
    process.on('uncaughtException', resolve);
  });
  const exit = new Promise((resolve) => {
    process.exit = (code = process.exitCode) => {
      process.exitCode = code;
      resolve(ENDED);
      throw ENDED;
    };
  });
  // Another module for each run, which shares what it imports with the others.
  const run = import(`${program}?run=${runs++}`).then(() => exit);
  const end = await Promise.race([exit, crash, run.catch((error) => error)]);
  process.off('uncaughtException', noteCrash);
  if (end !== ENDED) {
    stderr.write(`${end?.stack ?? end}\n`);
    process.exitCode = 1;
  }
  process.send({
    stdout: stdout.text,
    stderr: stderr.text,
    exitCode: process.exitCode ?? 0,
    // What it left behind would be there in the next run as well.
    isClean: end === ENDED && (await isQuiet()),
  });
});
process.on('disconnect', () => ownExit());

class Collected extends Writable {
  #chunks = [];

  _write(chunk, _encoding, done) {
    this.#chunks.push(chunk);
    done();
  }

  get text() {
    return Buffer.concat(this.#chunks).toString();
  }
}

/** Whether nothing of the last run goes on: connections, timers, files. */
async function isQuiet() {
  // Connections that were closed take a moment.
  for (let look = 0; look < 20; look++) {
    const resources = process.getActiveResourcesInfo();
    if (resources.every((resource) => resource === 'PipeWrap')) return !hasOpenFiles();
    await sleep(5);
  }
  return false;
}

/** Where the system can tell. Node.js warns when it closes one that nobody has closed. */
function hasOpenFiles() {
  try {
    return readdirSync('/proc/self/fd').some((fd) => pathOf(fd).startsWith(process.cwd()));
  } catch {
    return false;
  }
}

function pathOf(fd) {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The one by which the folder was read.
    return '';
  }
}
