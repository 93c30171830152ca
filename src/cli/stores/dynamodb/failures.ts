// What the failures of DynamoDB and of the AWS SDK mean. Loads neither of them.
import { type AnyStorageBoxError, isStorageBoxError } from 'storagebox/core';
import { EXIT_CODES, type ExitCode } from '../../exit-codes.js';
import { type Failure, sentence } from '../../failures.js';
import { CERTIFICATE_CODE, NETWORK_CODES } from '../network.js';

/** `null` for an error of which nothing is to be said in DynamoDB's words. */
export function describeFailure(error: unknown): Failure | null {
  return isStorageBoxError(error) ? describeStorageBoxError(error) : describeSdkError(error);
}

function describeStorageBoxError(error: AnyStorageBoxError): Failure | null {
  const { code, message } = error;
  switch (error.code) {
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
        message: firstSentence(message),
        remedy: 'Name the right table. "storagebox doctor" checks all of them.',
        exitCode: EXIT_CODES.setUp,
      };
    case 'STORAGEBOX_ACCOUNT_MISMATCH':
      return {
        code,
        message,
        remedy: 'Use credentials of the account that has both tables: check --profile.',
        exitCode: EXIT_CODES.setUp,
      };
    case 'STORAGEBOX_SERVICE_UNREACHABLE':
      return {
        code,
        message: `DynamoDB${message.slice('The service'.length).split('. The request was')[0]}.`,
        remedy: UNREACHABLE_REMEDY,
        exitCode: EXIT_CODES.tryAgain,
      };
    default:
      return null;
  }
}

/** The rest of a message is advice for programmers. */
function firstSentence(message: string): string {
  return sentence(message.split('. ')[0] ?? message);
}

const UNREACHABLE_REMEDY =
  'Check --endpoint-url, --region and the network, then run the same command again.';

const RUN_AGAIN = 'Run the same command again.';

const SDK_MISSING: Failure = {
  code: 'SDK_MISSING',
  message: 'The AWS SDK is not installed where storagebox is.',
  remedy: 'Install it there: npm install @aws-sdk/client-dynamodb',
  exitCode: EXIT_CODES.setUp,
};

const REGION_MISSING: Failure = {
  code: 'REGION_MISSING',
  message: 'No Region is set.',
  remedy: 'Pass --region, set AWS_REGION, or give the profile a region.',
  exitCode: EXIT_CODES.access,
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

/** Errors of the SDK and of its connection, which have no type or codes in common. */
function describeSdkError(error: unknown): Failure | null {
  const {
    name,
    code = name,
    message = '',
    path,
  } = (error ?? {}) as Partial<Error & { readonly code: string; readonly path: string }>;
  const failure = (exitCode: ExitCode, remedy: string, text = message || String(code)) => ({
    code: String(code),
    message: sentence(text),
    remedy,
    exitCode,
  });
  const isOfFile = path !== undefined;
  if (isOfFile) return null;
  if (code === 'ERR_MODULE_NOT_FOUND' && message.includes('@aws-sdk/')) return SDK_MISSING;
  const accessRemedy = ACCESS_REMEDIES[String(name)];
  if (accessRemedy !== undefined) return failure(EXIT_CODES.access, accessRemedy);
  if (message.startsWith('Region is missing')) return REGION_MISSING;
  if (NETWORK_CODES.includes(String(code)) || CERTIFICATE_CODE.test(String(code))) {
    const text = `DynamoDB cannot be reached: ${message || code}`;
    return failure(EXIT_CODES.tryAgain, UNREACHABLE_REMEDY, text);
  }
  if (name === 'SyntaxError') {
    // Its own message quotes the reply, which can hold items and IDs.
    return failure(EXIT_CODES.tryAgain, RUN_AGAIN, 'The reply of DynamoDB cannot be read.');
  }
  if (BUSY.includes(String(name)) || isPassing(error)) {
    return failure(EXIT_CODES.tryAgain, RUN_AGAIN);
  }
  return null;
}

const PASSING: readonly string[] = [
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
];
const PASSING_REASONS: readonly string[] = [
  'None',
  'ProvisionedThroughputExceeded',
  'ThrottlingError',
  'TransactionConflict',
];

/** Whether the same request can succeed a moment later. */
export function isPassing(error: unknown): boolean {
  const { name, CancellationReasons: reasons } = (error ?? {}) as {
    readonly name?: string;
    readonly CancellationReasons?: readonly { readonly Code?: string }[];
  };
  if (reasons === undefined) return PASSING.includes(String(name));
  return reasons.every(({ Code: code = 'None' }) => PASSING_REASONS.includes(code));
}
