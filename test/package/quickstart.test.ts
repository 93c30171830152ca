import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import { ROOT } from '../support/packed-package.js';

test('the quickstart gives 30 vouchers to 30 of 100 users, and all its checks hold', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', 'examples/quickstart/main.ts'],
    { cwd: ROOT, env: { ...process.env, AWS_ENDPOINT_URL_DYNAMODB: inject('dynamoDbEndpoint') } },
  );
  expect(stdout).toMatch(/^ {2}users with a code +30$/m);
  expect(stdout).toMatch(/^ {2}users told "sold out" +70$/m);
  expect(stdout).toMatch(/^ {2}claims answered +300, by 4 processes$/m);
  expect(stdout.match(/✓ P[1-4]/g)).toEqual(['✓ P1', '✓ P2', '✓ P3', '✓ P4']);
  expect(stdout).not.toContain('BROKEN');
});
