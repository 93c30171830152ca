// What the command line says of each failure: what happened, what to do, how to end.
import { CommanderError } from 'commander';
import { CsvError } from 'csv-parse';
import { type AnyStorageBoxError, isStorageBoxError } from 'storagebox/core';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';

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

/** The failure, with how far the command came. */
export function withProgress(failure: Failure, text: string, progress: object): CommandFailure {
  return new CommandFailure({
    ...failure,
    message: `${failure.message} ${text}.`,
    details: { ...progress },
  });
}

/** The reason with which a command is stopped by Ctrl-C or by whoever runs it. */
export class Interruption extends Error {
  readonly exitCode: ExitCode;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`Stopped by ${signal}.`);
    this.exitCode = signal === 'SIGINT' ? EXIT_CODES.interrupted : EXIT_CODES.terminated;
  }
}

/**
 * @param ofStore what the store knows of its own failures; `null` for any other
 */
export function describeFailure(error: unknown, ofStore: DescribeStoreFailure = nothing): Failure {
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
  const failure = ofStore(error);
  if (failure !== null) return failure;
  return isStorageBoxError(error)
    ? describeStorageBoxError(error, ofStore)
    : describeSystemError(error);
}

export type DescribeStoreFailure = (error: unknown) => Failure | null;

const nothing: DescribeStoreFailure = () => null;

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

function describeStorageBoxError(
  error: AnyStorageBoxError,
  ofStore: DescribeStoreFailure,
): Failure {
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
    case 'STORAGEBOX_FEATURE_NOT_SUPPORTED':
      return {
        code,
        message: 'This store cannot do what was asked for. Nothing was done.',
        remedy: 'It is done by stores that write bank and assignment at once, such as DynamoDB.',
        exitCode: EXIT_CODES.usage,
      };
    case 'STORAGEBOX_TABLE_NOT_FOUND':
    case 'STORAGEBOX_TABLE_SCHEMA':
    case 'STORAGEBOX_ACCOUNT_MISMATCH':
      return failure(EXIT_CODES.setUp, '"storagebox doctor" checks the set-up.');
    case 'STORAGEBOX_CONTENTION':
    case 'STORAGEBOX_MALFORMED_REPLY':
    case 'STORAGEBOX_SERVICE_UNREACHABLE':
      return failure(EXIT_CODES.tryAgain, 'Run the same command again.');
    case 'STORAGEBOX_OUTCOME_UNKNOWN':
      return failure(EXIT_CODES.tryAgain, 'Run the same command again to find out.');
    case 'STORAGEBOX_BATCH_NOT_FULLY_ADDED': {
      const cause = describeFailure(error.cause, ofStore);
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

const FILE_REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'Check the path.',
  EACCES: 'Ask for the permission, or use another file.',
  ENOSPC: 'Make room and run the same command again.',
};

/** Errors of Node.js, which have no type in common. */
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
  return failure(EXIT_CODES.failed, null, `${name ?? 'Error'}: ${message}`);
}

export function sentence(text: string): string {
  return /[.!?]\)?$/.test(text) ? text : `${text}.`;
}
