// What the command line says of errors of Node.js and of the SDK that no DynamoDB Local gives.
import { FeatureNotSupportedError } from 'storagebox/core';
import { expect, test } from 'vitest';
import { describeFailure } from '../../src/cli/failures.js';
import { store } from '../../src/cli/stores/dynamodb/index.js';
import { cancellation } from '../support/interceptor.js';

test.each(['DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_HAS_EXPIRED', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'])(
  'a certificate that is not accepted is a server that cannot be reached: %s',
  (code) => {
    const error = Object.assign(new Error('not accepted'), { code });
    expect(describeFailure(error, store.describeFailure)).toMatchObject({
      message: 'DynamoDB cannot be reached: not accepted.',
      exitCode: 7,
    });
  },
);

test('an error of a file is one of a file, whatever its code', () => {
  const error = Object.assign(new Error('ETIMEDOUT: timed out, open codes.txt'), {
    code: 'ETIMEDOUT',
    path: 'codes.txt',
  });
  expect(describeFailure(error, store.describeFailure)).toMatchObject({ exitCode: 6 });
});

test('a transaction that others are in the way of can be tried again, any other cancelled one not', () => {
  expect(
    describeFailure(cancellation('None', 'TransactionConflict'), store.describeFailure),
  ).toMatchObject({
    remedy: 'Run the same command again.',
    exitCode: 7,
  });
  expect(describeFailure(cancellation('ValidationError'), store.describeFailure)).toMatchObject({
    exitCode: 1,
  });
});

test('what the store cannot do is wrong usage', () => {
  expect(describeFailure(new FeatureNotSupportedError('holdForMs'))).toMatchObject({
    code: 'STORAGEBOX_FEATURE_NOT_SUPPORTED',
    message: 'This store cannot do what was asked for. Nothing was done.',
    exitCode: 2,
  });
});
