// What a run leaves out because it cannot be had here: told at its end, and a failure in CI.

/** @param leftOut what, why, and what to do, in one line each */
export async function tellLeftOut(leftOut: readonly string[]): Promise<() => void> {
  if (leftOut.length > 0 && isCi()) {
    throw new Error(`CI runs the tests of every store. Missing here: ${leftOut.join('\n')}`);
  }
  return () => {
    for (const line of leftOut) process.stderr.write(`Left out: ${line}\n`);
  };
}

function isCi(): boolean {
  const { CI } = process.env;
  return CI !== undefined && CI !== '' && CI !== 'false' && CI !== '0';
}
