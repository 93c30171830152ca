// A process that works, is killed, is started again, and goes on where it was.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../seeded-random.js';
import type { Journal, Planned } from './journal.js';

/** So that calls are under way at the last kill, too. */
const CALLS_PER_CALLER_AFTER_LAST_DEATH = 6;
const POLL_MS = 3;
const MAX_KILL_DELAY_MS = 12;

export const PROCESS_ENVIRONMENT = {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  // The SDK's notice to upgrade Node.js, once for each life.
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
};

export interface MortalProcess {
  readonly program: string;
  /** What the program is told besides. */
  readonly task: object;
  readonly plan: readonly Planned[];
  readonly journal: Pick<
    Journal<Partial<Planned>, unknown>,
    'path' | 'begun' | 'answered' | 'readOn'
  >;
  /** How much of its plan it does at once. */
  readonly callers: number;
  readonly kills: number;
  readonly random: Random;
  /** Of the monotonic clock, which all processes of a machine share. */
  readonly originNs: string;
  /** Once aborted, the process is killed for good. */
  readonly signal: AbortSignal;
}

/** What a program ends with when its driver has thrown where nobody can catch it: a death like any other. */
const FELLED_BY_DRIVER = 70;

/** Resolves once all that is planned is done. Gives how often the process was killed until then. */
export async function liveAndDie(mortal: MortalProcess): Promise<number> {
  const deaths = drawDeaths(mortal);
  let kills = 0;
  for (let life = 0; ; life++) {
    const { program, signal } = mortal;
    const child = fork(program, {
      env: { ...process.env, ...PROCESS_ENVIRONMENT },
      execArgv: [],
      killSignal: 'SIGKILL',
      signal,
    });
    const exit = exitOf(child);
    await beReady(child, exit);
    child.send(taskFor(mortal, life));
    const isKilled = await killAfter(deaths[kills] ?? Infinity, child, mortal);
    const { exitCode } = await exit;
    mortal.journal.readOn();
    if (exitCode === 0) return kills;
    if (isKilled) kills++;
    else if (exitCode !== FELLED_BY_DRIVER)
      throw new Error(`A process ended by itself, with exit code ${exitCode}.`);
  }
}

/** After how many answered calls each life ends: spread evenly, the place in each span by chance. */
function drawDeaths({ plan, callers, kills, random }: MortalProcess): number[] {
  const callsAfterLastDeath = CALLS_PER_CALLER_AFTER_LAST_DEATH * callers;
  const span = Math.max(0, plan.length - callsAfterLastDeath) / kills;
  return Array.from({ length: kills }, (_, death) => Math.floor((death + random()) * span));
}

interface Exit {
  /** `null` after a kill. */
  readonly exitCode: number | null;
}

/** Unlike `once()`, never rejects: an abort is an "error" of the child, and its exit comes later. */
function exitOf(child: ChildProcess): Promise<Exit> {
  child.on('error', () => {});
  return new Promise((resolve) => {
    child.once('exit', (exitCode) => resolve({ exitCode }));
  });
}

async function beReady(child: ChildProcess, exit: Promise<Exit>): Promise<void> {
  const failed = exit.then(({ exitCode }) => {
    throw new Error(`A process ended with exit code ${exitCode} before it was ready.`);
  });
  await Promise.race([once(child, 'message'), failed]);
}

function taskFor(mortal: MortalProcess, life: number) {
  const { task, callers, journal, originNs } = mortal;
  return { ...task, life, plan: leftOf(mortal), callers, journal: journal.path, originNs };
}

/** First what was under way at the kill. */
function leftOf({ plan, journal }: MortalProcess): Planned[] {
  const open = plan.filter(({ index }) => !journal.answered.has(index));
  const isBegun = ({ index }: Planned) => journal.begun.has(index);
  return [...open.filter(isBegun), ...open.filter((planned) => !isBegun(planned))];
}

async function killAfter(
  answers: number,
  child: ChildProcess,
  { journal, random }: MortalProcess,
): Promise<boolean> {
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  for (;;) {
    if (hasEnded()) return false;
    journal.readOn();
    if (journal.answered.size >= answers) break;
    await sleep(POLL_MS);
  }
  await sleep(random() * MAX_KILL_DELAY_MS);
  return child.kill('SIGKILL');
}
