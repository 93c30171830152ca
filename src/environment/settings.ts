// The environment variables that the package reads, by the names that the Python module gave them.

import { assertOption, assertPositiveInteger } from '../contracts/validation.js';
import { LOGGING_LEVELS, type LoggingLevel } from './logger.js';
import { environmentVariable } from './node.js';

export const DEFAULT_FETCH_LIMIT = 30;
export const DEFAULT_LOGGING_LEVEL: LoggingLevel = 'WARNING';

const FETCH_LIMIT_VARIABLE = 'STORAGE_BOX_CONCURRENT_FETCH_LIMIT';
const LOGGING_LEVEL_VARIABLE = 'STORAGE_BOX_LOGGING_LEVEL';

/** Read when a repository is constructed. */
export function fetchLimitFromEnvironment(): number {
  const text = environmentVariable(FETCH_LIMIT_VARIABLE);
  if (text === undefined) return DEFAULT_FETCH_LIMIT;
  const fetchLimit = Number(text);
  assertPositiveInteger(
    FETCH_LIMIT_VARIABLE,
    Number.isNaN(fetchLimit) ? text : fetchLimit,
    `Unset the variable for the default of ${DEFAULT_FETCH_LIMIT}.`,
  );
  return fetchLimit;
}

/**
 * The level in `STORAGE_BOX_LOGGING_LEVEL`, else `DEFAULT_LOGGING_LEVEL`. Read when a repository or a
 * deduplicator is constructed.
 *
 * @throws InvalidOptionError when the variable holds no level
 */
export function loggingLevelFromEnvironment(): LoggingLevel {
  const text = environmentVariable(LOGGING_LEVEL_VARIABLE);
  if (text === undefined) return DEFAULT_LOGGING_LEVEL;
  const level = LOGGING_LEVELS.find((candidate) => candidate === text.toUpperCase());
  assertOption(
    level !== undefined,
    LOGGING_LEVEL_VARIABLE,
    `one of ${LOGGING_LEVELS.join(', ')}`,
    text,
    `Unset the variable for the default of ${DEFAULT_LOGGING_LEVEL}.`,
  );
  return level;
}
