// What the package uses of Node.js where there is one. It runs in browsers, too, which have none of this.

/** The part of `node:diagnostics_channel` that is used. */
interface DiagnosticsChannel {
  subscribe(name: string, onMessage: OnMessage): void;
  unsubscribe(name: string, onMessage: OnMessage): boolean;
  channel(name: string): { readonly hasSubscribers: boolean; publish(message: unknown): void };
}

/** The part of `node:crypto` that is used. */
interface Crypto {
  createHmac(algorithm: 'sha256', key: Uint8Array): Hmac;
}

interface Hmac {
  update(text: string, encoding: 'utf8'): Hmac;
  digest(encoding: 'hex'): string;
}

type OnMessage = (message: unknown) => void;

export interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
  subscribe(onMessage: OnMessage): void;
  unsubscribe(onMessage: OnMessage): void;
}

const { process } = globalThis as {
  readonly process?: {
    readonly env?: Readonly<Record<string, string | undefined>>;
    getBuiltinModule?: {
      (id: 'node:diagnostics_channel'): DiagnosticsChannel;
      (id: 'node:crypto'): Crypto;
    };
  };
};

/** `undefined` for a variable that is not set, or empty. */
export function environmentVariable(name: string): string | undefined {
  return process?.env?.[name] || undefined;
}

const crypto = process?.getBuiltinModule?.('node:crypto');

/** In hexadecimal. `undefined` where there is no Node.js: what browsers have instead does not answer at once. */
export const hmacSha256 =
  crypto === undefined
    ? undefined
    : (key: Uint8Array, text: string): string =>
        crypto.createHmac('sha256', key).update(text, 'utf8').digest('hex');

/** The channel of that name of `node:diagnostics_channel`, or one like it where there is no such module. */
export function channelNamed(name: string): Channel {
  // Not imported: an import of a Node.js module does not load in a browser.
  const diagnostics = process?.getBuiltinModule?.('node:diagnostics_channel');
  if (diagnostics === undefined) return sharedChannel(name);
  const channel = diagnostics.channel(name);
  return {
    get hasSubscribers() {
      return channel.hasSubscribers;
    },
    publish: (message) => channel.publish(message),
    subscribe: (onMessage) => diagnostics.subscribe(name, onMessage),
    unsubscribe: (onMessage) => void diagnostics.unsubscribe(name, onMessage),
  };
}

/** One for all copies of the package. */
function sharedChannel(name: string): Channel {
  const key = Symbol.for(`storagebox.channel.${name}`);
  const holder = globalThis as { [key]?: Channel };
  holder[key] ??= new ListenerChannel();
  return holder[key];
}

class ListenerChannel implements Channel {
  readonly #listeners = new Set<OnMessage>();

  get hasSubscribers(): boolean {
    return this.#listeners.size > 0;
  }

  publish(message: unknown): void {
    for (const onMessage of this.#listeners) {
      try {
        onMessage(message);
      } catch (error) {
        // Uncaught, as in Node.js: whoever publishes must not fail with it.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  subscribe(onMessage: OnMessage): void {
    this.#listeners.add(onMessage);
  }

  unsubscribe(onMessage: OnMessage): void {
    this.#listeners.delete(onMessage);
  }
}
