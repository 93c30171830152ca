import { assertOption, hasMethods } from '../contracts/validation.js';

/**
 * Where the package reports to: `console` has this shape, and so do most logging libraries.
 * Messages never carry an item or a deduplication ID.
 */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** From the fewest messages to the most. The names are those of Python's `logging`. */
export const LOGGING_LEVELS = ['CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG'] as const;
export type LoggingLevel = (typeof LOGGING_LEVELS)[number];

/** What the package itself reports; errors are thrown, not logged. */
export type LevelledLogger = Pick<Logger, 'debug' | 'warn'>;

/**
 * A logger that passes on what the level asks for and drops the rest.
 *
 * @param logger where messages go; default: `console`
 * @param level usually that of `loggingLevelFromEnvironment()`
 * @throws InvalidOptionError when the logger lacks a method
 */
export function levelledLogger(logger: Logger | undefined, level: LoggingLevel): LevelledLogger {
  const target = logger ?? console;
  assertOption(
    hasMethods(target, 'debug', 'info', 'warn', 'error'),
    'logger',
    'an object with the methods debug, info, warn and error',
    logger,
    'Pass `console`, a logger of that shape, or leave it out.',
  );
  const verbosity = LOGGING_LEVELS.indexOf(level);
  const when = (minimum: LoggingLevel, write: (message: string) => void) =>
    verbosity >= LOGGING_LEVELS.indexOf(minimum) ? write : () => {};
  return {
    debug: when('DEBUG', (message) => target.debug(message)),
    warn: when('WARNING', (message) => target.warn(message)),
  };
}
