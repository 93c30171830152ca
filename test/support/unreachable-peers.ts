// Peers that no request reaches, each with what the client needs to find it.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { Worker } from 'node:worker_threads';

export interface UnreachablePeer {
  readonly endpoint: string;
  /** How much of a request came through: nothing. */
  bytesReceived(): number;
  stop(): Promise<void>;
}

const nothingReceived = () => 0;
const nothingToStop = async () => {};

/** For `localhost`, from 2020 to 2021, signed by its own key, which protects nothing. */
export const EXPIRED_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBVDCB+qADAgECAgEBMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMMCWxvY2FsaG9z
dDAeFw0yMDAxMDEwMDAwMDBaFw0yMTAxMDEwMDAwMDBaMBQxEjAQBgNVBAMMCWxv
Y2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABC1G+5Mf3l/JSjHLpzcJ
dqrs4/2S0Z4tAt7mZLV/4d4mc/qCrSk8BosBpZVy7h3Wvh4D+COzmXm4mT/dBbdv
7VujPTA7MBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAdBgNVHQ4EFgQUR1vi
oT6zZBaljN3LmL7q8/b75LUwCgYIKoZIzj0EAwIDSQAwRgIhANDPAhrXp1YKZ+Fr
SVWYkYaV6iOUIoe3jsgmmfUjQGJhAiEA8Nvr+s796SJnZ9kJ/kLbcq6YK4m5BkuA
r6FbdK9FzaE=
-----END CERTIFICATE-----
`;

const EXPIRED_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgwJcmG7vLJeXmPAD7
1ImHJ0hKj6r0rXhWVmdmj2ofBrqhRANCAAQtRvuTH95fyUoxy6c3CXaq7OP9ktGe
LQLe5mS1f+HeJnP6gq0pPAaLAaWVcu4d1r4eA/gjs5l5uJk/3QW3b+1b
-----END PRIVATE KEY-----
`;

/** Nobody listens there. */
export async function closedPort(): Promise<UnreachablePeer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${portOf(server)}`;
  server.close();
  await once(server, 'close');
  return { endpoint, bytesReceived: nothingReceived, stop: nothingToStop };
}

/** A name of the top-level domain that never resolves (RFC 2606). */
export async function unresolvableName(): Promise<UnreachablePeer> {
  const endpoint = 'http://dynamodb.storagebox.invalid';
  return { endpoint, bytesReceived: nothingReceived, stop: nothingToStop };
}

/** Speaks TLS with a certificate that no client accepts. */
export async function expiredCertificate(): Promise<UnreachablePeer> {
  let bytes = 0;
  const server = createTlsServer({ key: EXPIRED_KEY, cert: EXPIRED_CERTIFICATE }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      bytes += data.length;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    server.close();
    await once(server, 'close');
  };
  return { endpoint: `https://localhost:${portOf(server)}`, bytesReceived: () => bytes, stop };
}

/**
 * A listener that never accepts, behind a queue that is full: Linux leaves an attempt to connect
 * without an answer.
 */
export async function fullBacklog(): Promise<UnreachablePeer> {
  const listener = new Worker(
    `const { createServer } = require('node:net');
     const { parentPort } = require('node:worker_threads');
     const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
     });`,
    { eval: true },
  );
  const [port] = await once(listener, 'message');
  const queue: Socket[] = [];
  do {
    queue.push(connect(port, '127.0.0.1').on('error', () => {}));
  } while (await isConnected(queue.at(-1) as Socket));
  const stop = async () => {
    for (const socket of queue) socket.destroy();
    await listener.terminate();
  };
  return { endpoint: `http://127.0.0.1:${port}`, bytesReceived: nothingReceived, stop };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function isConnected(socket: Socket): Promise<boolean> {
  return Promise.race([once(socket, 'connect').then(() => true), sleep(500, false)]);
}
