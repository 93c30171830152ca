/** How the command line ends, for scripts: see docs/command-line.md. */
export const EXIT_CODES = {
  success: 0,
  /** Failed for a reason that no other code stands for. */
  failed: 1,
  /** The command was called in a wrong way; nothing was done. */
  usage: 2,
  /** Everything went well, but there was no item to give, to release or to retire. */
  noItem: 3,
  /**
   * A table or what holds it is missing, wrong or takes no writes, the store's driver is not installed, or `doctor`
   * found a fault.
   */
  setUp: 4,
  /** No credentials, wrong ones, or no permission. */
  access: 5,
  /** A file cannot be read or written, or what is in it cannot be used. */
  file: 6,
  /** Throttled, in conflict, locked, or no answer from the store: it can be tried again. */
  tryAgain: 7,
  /** `audit` found items that are not where they belong. */
  inconsistent: 8,
  /** Ctrl-C, after a clean stop: 128 plus the number of the signal, as in shells. */
  interrupted: 130,
  /** Whoever read the output stopped reading. */
  brokenPipe: 141,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];
