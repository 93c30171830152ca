// Which store a command works on.
import { Command } from 'commander';
import { afterEach, expect, test, vi } from 'vitest';
import { describeFailure } from '../../src/cli/failures.js';
import { addStoreOption, chooseStore } from '../../src/cli/stores/choose-store.js';
import { store as dynamoDb } from '../../src/cli/stores/dynamodb/index.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

test.each([
  [[]],
  [['fetch', 'ann']],
  [['--store', 'dynamodb', 'fetch', 'ann']],
  [['fetch', '--unknown', 'value', 'ann', '--store=dynamodb']],
  [['fetch', '--', '--store', 'nowhere']],
])('DynamoDB is the default, and can be named: %j', async (args) => {
  expect(await chooseStore(args)).toEqual({ store: dynamoDb, location: '' });
});

test('an option goes before the environment variable, an empty one is not set', async () => {
  vi.stubEnv('STORAGE_BOX_STORE', '');
  expect(await chooseStore([])).toMatchObject({ store: dynamoDb });
  vi.stubEnv('STORAGE_BOX_STORE', 'nowhere');
  await expect(chooseStore([])).rejects.toMatchObject({ code: 'UNKNOWN_STORE' });
  expect(await chooseStore(['--store', 'dynamodb'])).toMatchObject({ store: dynamoDb });
});

test.each(['nowhere', 'nowhere://user:password@host/db', '../cli', 'DynamoDB', ''])(
  'another name is refused, and not repeated: %j',
  async (name) => {
    const error = await chooseStore([`--store=${name}`]).catch((reason: unknown) => reason);
    const { code, message, exitCode } = describeFailure(error);
    expect({ code, exitCode }).toEqual({ code: 'UNKNOWN_STORE', exitCode: 2 });
    expect(message).not.toMatch(/nowhere|password|cli|DynamoDB/);
  },
);

test.each(['//my_table', 'tables?region=eu-west-1'])(
  'DynamoDB takes nothing after its name: %s',
  async (location) => {
    vi.stubEnv('STORAGE_BOX_STORE', `dynamodb:${location}`);
    const { store, ...choice } = await chooseStore([]);
    expect(choice).toEqual({ location });
    const { signal } = new AbortController();
    const request = { location, options: {}, releaseBanks: [], isCreating: false, signal };
    const refusal = { code: 'USAGE', exitCode: 2 };
    await expect(store.open(request)).rejects.toMatchObject(refusal);
    await expect(store.examine(request).next()).rejects.toMatchObject(refusal);
  },
);

test('a missing value is wrong usage', async () => {
  const error = await chooseStore(['--store']).catch((reason: unknown) => reason);
  expect(describeFailure(error)).toMatchObject({ code: 'USAGE', exitCode: 2 });
});

test('the help names the option', () => {
  const program = new Command();
  addStoreOption(program);
  expect(program.helpInformation()).toMatch(/--store <store> .*dynamodb/s);
});
