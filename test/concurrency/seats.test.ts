// The original's second scenario: 10,300 seats, booked within minutes, and in short a twentieth of them.
import { expect, inject, test } from 'vitest';
import { audit } from '../support/audit.js';
import { claimFromProcesses } from '../support/server-process.js';
import { grouped, sized, tellFigures } from '../support/sizes.js';
import { freshTables, openPair } from '../support/tables.js';

const SEATS = sized(515, 10_300);
const EMAILS = sized(600, 12_000);
const PROCESSES = 4;
const CALLERS_PER_PROCESS = 32;

test(`${grouped(EMAILS)} e-mails, asking twice each through 4 processes, share ${grouped(SEATS)} seats out`, async () => {
  const tables = await freshTables();
  const seats = Array.from({ length: SEATS }, (_, seat) => String(seat));
  await openPair(tables).itemRepo.batchAddItems(seats);

  const emails = Array.from({ length: EMAILS }, (_, index) => `guest-${index}@example.com`);
  const { itemBankTableName, deduplicationTableName } = tables;
  const answers = await claimFromProcesses(
    Array.from({ length: PROCESSES }, (_, process) => ({
      endpoint: inject('dynamoDbEndpoint'),
      itemBankTableName,
      deduplicationTableName,
      callers: CALLERS_PER_PROCESS,
      // Each e-mail asks this process and the next one, at about the same time.
      deduplicationIds: emails.filter((_, index) => (process - index + EMAILS) % PROCESSES < 2),
    })),
  );

  expect(answers).toHaveLength(2 * EMAILS);
  const lastAnswers = new Map(answers);
  const given = new Set(answers.map(([, seat]) => seat).filter((seat) => seat !== null));
  const { lost, twice, owners, left } = await audit(tables, seats);
  const figures = {
    'distinct seats given': given.size,
    'answers null': answers.filter(([, seat]) => seat === null).length,
    'e-mails with two different answers': answers.filter(
      ([email, seat]) => seat !== lastAnswers.get(email),
    ).length,
    'answers unlike the table': answers.filter(
      ([email, seat]) => seat !== (owners.get(email) ?? null),
    ).length,
    lost,
    twice,
    'left in the bank': left.length,
  };
  tellFigures(figures);
  expect(figures).toEqual({
    'distinct seats given': SEATS,
    'answers null': 2 * (EMAILS - SEATS),
    'e-mails with two different answers': 0,
    'answers unlike the table': 0,
    lost: 0,
    twice: 0,
    'left in the bank': 0,
  });
});
