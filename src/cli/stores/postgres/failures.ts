// What the failures of PostgreSQL and of its drivers mean. Loads none of them.
import { isStorageBoxError } from 'storagebox/core';
import { EXIT_CODES, type ExitCode } from '../../exit-codes.js';
import { type Failure, sentence } from '../../failures.js';
import { CERTIFICATE_CODE, NETWORK_CODES } from '../network.js';
import { describeStoreError, RUN_AGAIN } from '../store-failures.js';

/** `null` for an error of which nothing is to be said in PostgreSQL's words. */
export function describeFailure(error: unknown): Failure | null {
  if (isStorageBoxError(error)) {
    switch (error.code) {
      case 'STORAGEBOX_SERVICE_UNREACHABLE':
      case 'STORAGEBOX_OUTCOME_UNKNOWN': {
        // What the server or the network said of it tells more.
        const cause = describeFailure(error.cause);
        return cause === null ? null : { ...cause, code: error.code };
      }
      default:
        return describeStoreError(
          error,
          'in this database and its search_path',
          'the URL of --store',
        );
    }
  }
  const state = sqlStateOf(error);
  return state === null ? describeDriverError(error) : describeSqlState(state, error);
}

const SQL_STATES = {
  insufficient_privilege: '42501',
  undefined_table: '42P01',
} as const;

export function failedBecause(error: unknown, reason: keyof typeof SQL_STATES): boolean {
  return sqlStateOf(error) === SQL_STATES[reason];
}

/** See "PostgreSQL Error Codes" in its documentation. */
function sqlStateOf(error: unknown): string | null {
  const { code, severity } = (error ?? {}) as {
    readonly code?: unknown;
    readonly severity?: unknown;
  };
  return severity !== undefined && /^[0-9A-Z]{5}$/.test(String(code)) ? String(code) : null;
}

interface Words {
  /** `null`: what the server says, which has names in it and no values. */
  readonly message: string | null;
  readonly remedy: string;
  readonly exitCode: ExitCode;
}

const CHECK_URL = 'Check the URL of --store';

const SIGN_IN: Words = {
  message: null,
  remedy: `${CHECK_URL}, and the password: in the URL, in PGPASSWORD or, with the driver pg, in ~/.pgpass.`,
  exitCode: EXIT_CODES.access,
};
const READ_ONLY: Words = {
  message: 'This server takes no writes: it is a replica, or transactions only read by default.',
  remedy: 'Name the primary in --store, or look at default_transaction_read_only.',
  exitCode: EXIT_CODES.setUp,
};
const PASSING: Words = { message: null, remedy: RUN_AGAIN, exitCode: EXIT_CODES.tryAgain };

/** By SQLSTATE, or its class. */
const STATES: Readonly<Record<string, Words>> = {
  '28000': SIGN_IN,
  '28P01': SIGN_IN,
  '3D000': {
    message: null,
    remedy: `${CHECK_URL}, or create the database: createdb NAME.`,
    exitCode: EXIT_CODES.setUp,
  },
  '3F000': {
    message: null,
    remedy: 'Check the names of the tables, or create the schema: create schema NAME.',
    exitCode: EXIT_CODES.setUp,
  },
  [SQL_STATES.undefined_table]: {
    message: null,
    remedy: 'Check the names of the tables. "storagebox init" creates them.',
    exitCode: EXIT_CODES.setUp,
  },
  '42703': {
    message: null,
    remedy: 'Name the right tables. "storagebox doctor" checks all of them.',
    exitCode: EXIT_CODES.setUp,
  },
  [SQL_STATES.insufficient_privilege]: {
    message: null,
    remedy: 'Ask for the permission. "storagebox doctor" checks all of them.',
    exitCode: EXIT_CODES.access,
  },
  '25006': READ_ONLY,
  '53100': {
    message: "The server's disk is full.",
    remedy: 'Make room there and run the same command again.',
    exitCode: EXIT_CODES.setUp,
  },
  '53300': {
    message: 'The server takes no more connections.',
    remedy: 'Run it again later. "storagebox doctor" counts the connections.',
    exitCode: EXIT_CODES.tryAgain,
  },
  // Connections, transactions that were in the way, resources, limits of time, a server that starts or stops.
  '08': PASSING,
  '40': PASSING,
  '53': PASSING,
  '55': PASSING,
  '57': PASSING,
};

function describeSqlState(state: string, error: unknown): Failure {
  const { message = '' } = error as { readonly message?: string };
  const words = STATES[state] ?? STATES[state.slice(0, 2)];
  if (words !== undefined) {
    return { ...words, code: state, message: sentence(words.message ?? `PostgreSQL: ${message}`) };
  }
  // Its own message can quote a value.
  return {
    code: state,
    message: `PostgreSQL refused a statement with SQLSTATE ${state}.`,
    remedy: '"storagebox doctor" checks the set-up.',
    exitCode: EXIT_CODES.failed,
  };
}

const UNREACHABLE_REMEDY = `${CHECK_URL}, the server and the network, then run the same command again.`;

const CONNECTION_CODES: readonly string[] = [
  ...NETWORK_CODES,
  'EPIPE',
  // Of postgres.js.
  'CONNECT_TIMEOUT',
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
];

/** What pg says without a code. */
const CONNECTION_TEXT =
  /^(Connection terminated|timeout (exceeded )?when trying to connect|timeout expired|The server does not support SSL)/;
const PASSWORD_TEXT = /password must be a (non-empty )?string|^SASL/;

/** Errors of the drivers and of their connections, which have no type or codes in common. */
function describeDriverError(error: unknown): Failure | null {
  const {
    code,
    message = '',
    path,
    syscall,
    errors = [],
  } = (error ?? {}) as Partial<
    Error & {
      readonly code: string;
      readonly path: string;
      readonly syscall: string;
      readonly errors: readonly Error[];
    }
  >;
  // Of a file. A path can be that of a socket, too.
  if (path !== undefined && syscall !== 'connect' && code !== 'ECONNRESET') return null;
  if (PASSWORD_TEXT.test(message)) {
    return { ...SIGN_IN, code: 'PASSWORD_MISSING', message: 'The server asks for a password.' };
  }
  const isOfNetwork =
    syscall === 'connect' ||
    CONNECTION_CODES.includes(String(code)) ||
    CERTIFICATE_CODE.test(String(code)) ||
    CONNECTION_TEXT.test(message);
  // Writing to standard output can end so, too.
  if (!isOfNetwork || (code === 'EPIPE' && syscall === 'write')) return null;
  const text = message || errors.map((each) => each.message).join(', ') || String(code);
  return {
    code: code ?? 'CONNECTION_FAILED',
    message: sentence(`PostgreSQL cannot be reached: ${text}`),
    remedy: UNREACHABLE_REMEDY,
    exitCode: EXIT_CODES.tryAgain,
  };
}
