// What the command line says of each failure: what happened, what to do, how to end.
import { CommanderError } from 'commander';
import { CsvError } from 'csv-parse';
import { type AnyStorageBoxError, isStorageBoxError } from 'storagebox/core';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';
import { isPassing } from './patience.js';

export interface Failure {
  /** Stable, for scripts: an error's own code or name. */
  readonly code: string;
  readonly message: string;
  /** `null` where nothing helps or nothing is wrong. */
  readonly remedy: string | null;
  readonly exitCode: ExitCode;
  /** More for programs, printed with `--json` only. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** A failure that the command line notices by itself. */
export class CommandFailure extends Error implements Failure {
  readonly code: string;
  readonly remedy: string | null;
  readonly exitCode: ExitCode;
  readonly details: Failure['details'];

  constructor({ code, message, remedy, exitCode, details }: Failure) {
    super(message);
    this.code = code;
    this.remedy = remedy;
    this.exitCode = exitCode;
    this.details = details;
  }
}

/** The reason with which a command is stopped by Ctrl-C or by whoever runs it. */
export class Interruption extends Error {
  readonly exitCode: ExitCode;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`Stopped by ${signal}.`);
    this.exitCode = signal === 'SIGINT' ? EXIT_CODES.interrupted : EXIT_CODES.terminated;
  }
}

export function describeFailure(error: unknown): Failure {
  if (error instanceof CommandFailure) return error;
  if (error instanceof Interruption) {
    return {
      code: 'INTERRUPTED',
      message: error.message,
      remedy: 'Run the same command again: nothing is done twice.',
      exitCode: error.exitCode,
    };
  }
  if (error instanceof CommanderError) return wrongUsage(error);
  if (error instanceof CsvError) return unreadableCsv(error);
  if (isStorageBoxError(error)) return describeStorageBoxError(error);
  return describeSystemError(error);
}

/** `null` when it is another error. */
export function missingSdk(error: unknown): CommandFailure | null {
  const { code, message = '' } = (error ?? {}) as { code?: string; message?: string };
  if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes('@aws-sdk/')) return null;
  return new CommandFailure({
    code: 'SDK_MISSING',
    message: 'The AWS SDK is not installed where storagebox is.',
    remedy: 'Install it there: npm install @aws-sdk/client-dynamodb',
    exitCode: EXIT_CODES.setUp,
  });
}

const CSV_FAULTS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote is opened and never closed',
  CSV_INVALID_CLOSING_QUOTE: 'something follows a closing quote in the same cell',
  INVALID_OPENING_QUOTE: 'a quote is inside a cell that does not begin with one',
  CSV_MAX_RECORD_SIZE: 'a row is longer than 1 MB, perhaps because a quote is never closed',
};

/** The parser's error also has these: the number of rows before the one that it cannot read. */
interface UnreadableRow {
  readonly records?: number;
  readonly empty_lines?: number;
}

/** The parser's own message has the cell in it. */
function unreadableCsv({ code, records = 0, empty_lines = 0 }: CsvError & UnreadableRow): Failure {
  const row = records + empty_lines + 1;
  const fault = CSV_FAULTS[code] ?? 'it is not valid CSV';
  return {
    code,
    message: `The CSV cannot be read: in row ${row}, ${fault}.`,
    remedy: 'Fix the file. It is read as CSV of RFC 4180, in UTF-8.',
    exitCode: EXIT_CODES.file,
  };
}

function wrongUsage({ code, message }: CommanderError): Failure {
  // Commander has printed the help by then.
  const isCommandMissing = code === 'commander.help';
  const text = withoutValues(message)
    .replace(/^error: /, '')
    .replace(/^./, (first) => first.toUpperCase());
  const isOptionLike = code === 'commander.unknownOption';
  return {
    code: 'USAGE',
    message: isCommandMissing ? 'No command was given.' : sentence(text.replace('\n', '. ')),
    remedy:
      'See "storagebox --help", or "storagebox COMMAND --help".' +
      (isOptionLike ? ' Before an ID that begins with "-", write "--".' : ''),
    exitCode: EXIT_CODES.usage,
  };
}

/** What was typed can be an item, an ID or a password: only what can be the name of an option is repeated. */
function withoutValues(message: string): string {
  return message
    .replace(/unknown option '(.*?)'(?=\n|$)/s, (_, typed: string) => {
      const [name = ''] = typed.split('=');
      return /^--[a-z][a-z-]{1,30}$/.test(name) ? `unknown option '${name}'` : 'unknown option';
    })
    .replace(/unknown command '.*?'(?=\n|$)/s, 'unknown command')
    .replace(
      /^error: option '[^']*' value '.*' from env '(\w+)' is invalid/s,
      "the environment variable '$1' is invalid",
    )
    .replace(/ argument '.*' is invalid/s, ' is invalid')
    .replace(/command-argument value '.*' is invalid for/s, 'the value is invalid for');
}

function describeStorageBoxError(error: AnyStorageBoxError): Failure {
  const { code, message } = error;
  const failure = (exitCode: ExitCode, remedy: string | null) => ({
    code,
    message,
    remedy,
    exitCode,
  });
  switch (error.code) {
    case 'STORAGEBOX_INVALID_OPTION':
      return failure(EXIT_CODES.usage, null);
    case 'STORAGEBOX_INVALID_DEDUPLICATION_ID':
    case 'STORAGEBOX_INVALID_ITEM':
      return error.index === null
        ? failure(EXIT_CODES.usage, null)
        : failure(
            EXIT_CODES.file,
            'Fix the file and run the same command again. The index counts from 0, without empty lines.',
          );
    case 'STORAGEBOX_TABLE_NOT_FOUND': {
      const names = error.tableNames.map((name) => `"${name}"`).join(' or ');
      return {
        code,
        message: `The table ${names} does not exist in this Region for these credentials.`,
        remedy:
          'Check the name, --region and --profile. "storagebox init" creates the tables. ' +
          'To work without a ledger, pass --no-ledger.',
        exitCode: EXIT_CODES.setUp,
      };
    }
    case 'STORAGEBOX_TABLE_SCHEMA':
      return {
        code,
        // The rest of the message is advice for programmers.
        message: sentence(message.split('. ')[0] ?? message),
        remedy: 'Name the right table. "storagebox doctor" checks all of them.',
        exitCode: EXIT_CODES.setUp,
      };
    case 'STORAGEBOX_UNKNOWN_ITEM_BANK':
      return {
        code,
        message:
          'The item came from a bank that was not named, or from one of several with the same name. ' +
          'Nothing was done.',
        remedy:
          'Name that bank with --release-bank: "storagebox export" prints it as item_bank_table.',
        exitCode: EXIT_CODES.usage,
      };
    case 'STORAGEBOX_ACCOUNT_MISMATCH':
      return failure(
        EXIT_CODES.setUp,
        'Use credentials of the account that has both tables: check --profile.',
      );
    case 'STORAGEBOX_CONTENTION':
    case 'STORAGEBOX_MALFORMED_REPLY':
      return failure(EXIT_CODES.tryAgain, 'Run the same command again.');
    case 'STORAGEBOX_SERVICE_UNREACHABLE':
      return {
        code,
        // The rest of the message is advice for programmers.
        message: `DynamoDB${message.slice('The service'.length).split('. The request was')[0]}.`,
        remedy: UNREACHABLE_REMEDY,
        exitCode: EXIT_CODES.tryAgain,
      };
    case 'STORAGEBOX_OUTCOME_UNKNOWN':
      return failure(EXIT_CODES.tryAgain, 'Run the same command again to find out.');
    case 'STORAGEBOX_BATCH_NOT_FULLY_ADDED': {
      const cause = describeFailure(error.cause);
      const { read, added, repeats, alreadyKnown, notAdded, unconfirmed } = error;
      const progress =
        `Of ${read} items read, ${added} were added, ${alreadyKnown} were already known, ` +
        `${notAdded.length} were not added, ${unconfirmed.length} are unconfirmed.`;
      return {
        ...cause,
        message: read === 0 ? cause.message : `${cause.message} ${progress}`,
        details: { read, added, repeats, alreadyKnown, notAdded, unconfirmed },
      };
    }
    default:
      return failure(EXIT_CODES.failed, null);
  }
}

const UNREACHABLE_REMEDY =
  'Check --endpoint-url, --region and the network, then run the same command again.';

const RUN_AGAIN = 'Run the same command again.';

const FILE_REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'Check the path.',
  EACCES: 'Ask for the permission, or use another file.',
  ENOSPC: 'Make room and run the same command again.',
};

const ACCESS_REMEDIES: Readonly<Record<string, string>> = {
  CredentialsProviderError:
    'Sign in as for the AWS command line: --profile NAME, "aws sso login", or AWS_ACCESS_KEY_ID ' +
    'and AWS_SECRET_ACCESS_KEY (DynamoDB Local takes any two words).',
  ExpiredTokenException: 'Sign in again, for example by "aws sso login".',
  UnrecognizedClientException:
    'Check the credentials, and that --region belongs to the same partition.',
  InvalidSignatureException: 'Check the secret key, and the clock of this machine.',
  AccessDeniedException:
    'Ask for the permission that the message names. "storagebox doctor" checks all of them.',
};

const BUSY: readonly string[] = ['InternalServerError', 'ServiceUnavailable', 'TimeoutError'];

const NETWORK_CODES: readonly string[] = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
];

/** See "X509 certificate error codes" in the documentation of `node:tls`. */
const CERTIFICATE_CODE =
  /CERT|^(HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|UNABLE_TO_VERIFY_LEAF_SIGNATURE)$/;

/** Errors of Node.js and of the SDK, which have no type or codes in common. */
function describeSystemError(error: unknown): Failure {
  const {
    name,
    code = name,
    message = String(error),
    path,
  } = (error ?? {}) as {
    name?: string;
    code?: string;
    message?: string;
    path?: string;
  };
  const failure = (exitCode: ExitCode, remedy: string | null, text = message || String(code)) => ({
    code: String(code),
    message: sentence(text),
    remedy,
    exitCode,
  });
  if (code === 'EPIPE') return failure(EXIT_CODES.brokenPipe, null);
  const fileRemedy = FILE_REMEDIES[String(code)];
  if (fileRemedy !== undefined || path !== undefined) {
    return failure(EXIT_CODES.file, fileRemedy ?? 'Check the path and the permissions.');
  }
  const accessRemedy = ACCESS_REMEDIES[String(name)];
  if (accessRemedy !== undefined) return failure(EXIT_CODES.access, accessRemedy);
  if (message.startsWith('Region is missing')) {
    const remedy = 'Pass --region, set AWS_REGION, or give the profile a region.';
    return {
      code: 'REGION_MISSING',
      message: 'No Region is set.',
      remedy,
      exitCode: EXIT_CODES.access,
    };
  }
  if (NETWORK_CODES.includes(String(code)) || CERTIFICATE_CODE.test(String(code))) {
    const remedy = UNREACHABLE_REMEDY;
    return failure(EXIT_CODES.tryAgain, remedy, `DynamoDB cannot be reached: ${message || code}`);
  }
  if (name === 'SyntaxError') {
    // Its own message quotes the reply, which can hold items and IDs.
    return failure(EXIT_CODES.tryAgain, RUN_AGAIN, 'The reply of DynamoDB cannot be read.');
  }
  if (BUSY.includes(String(name)) || isPassing(error)) {
    return failure(EXIT_CODES.tryAgain, RUN_AGAIN);
  }
  return failure(EXIT_CODES.failed, null, `${name ?? 'Error'}: ${message}`);
}

function sentence(text: string): string {
  return /[.!?]\)?$/.test(text) ? text : `${text}.`;
}
