// Whether calls on one thing have an order: each takes effect at one instant between its beginning
// and its end, and finds what it was told ("linearizability", after Herlihy and Wing). For long
// histories in which few calls are under way at once.

export interface TimedCall<State> {
  readonly invokedAt: number;
  /** `Infinity`: nobody knows whether it took effect, or when. */
  readonly returnedAt: number;
  /** What becomes of the state, or `undefined` where the call cannot have been told what it was. */
  apply(state: State): State | undefined;
  /** Whether it leaves every state as it is. */
  readonly isRead: boolean;
}

interface Configuration<State> {
  readonly state: State;
  /** Calls under way that have taken effect. */
  readonly done: ReadonlySet<TimedCall<State>>;
}

/** The states are compared as strings. */
export function hasOrder<State extends string>(
  initial: State,
  calls: readonly TimedCall<State>[],
): boolean {
  const numbers = new Map(calls.map((call, number) => [call, number]));
  const keyOf = ({ state, done }: Configuration<State>) =>
    `${state} ${[...done].map((call) => numbers.get(call)).sort()}`;
  const underWay = new Set<TimedCall<State>>();
  let configurations: Configuration<State>[] = [{ state: initial, done: new Set() }];

  for (const { call, isEnd } of eventsOf(calls)) {
    if (!isEnd) {
      underWay.add(call);
      continue;
    }
    const reached = new Map<string, Configuration<State>>();
    const waiting = configurations.map((configuration) => withReads(configuration, underWay));
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const key = keyOf(next);
      if (reached.has(key)) continue;
      reached.set(key, next);
      for (const other of underWay) {
        if (other.isRead || next.done.has(other)) continue;
        const state = other.apply(next.state);
        if (state === undefined) continue;
        waiting.push(withReads({ state, done: new Set([...next.done, other]) }, underWay));
      }
    }
    underWay.delete(call);
    const remaining = new Map<string, Configuration<State>>();
    for (const { state, done } of reached.values()) {
      if (!done.has(call)) continue;
      const after = { state, done: new Set([...done].filter((other) => other !== call)) };
      remaining.set(keyOf(after), after);
    }
    configurations = [...remaining.values()];
    if (configurations.length === 0) return false;
  }
  return true;
}

/** A read takes effect as soon as it can: it stands in nobody's way. */
function withReads<State>(
  { state, done }: Configuration<State>,
  underWay: ReadonlySet<TimedCall<State>>,
): Configuration<State> {
  const reads = [...underWay].filter((call) => call.isRead && call.apply(state) !== undefined);
  return { state, done: new Set([...done, ...reads]) };
}

function eventsOf<State>(calls: readonly TimedCall<State>[]) {
  return calls
    .flatMap((call) => [
      { call, time: call.invokedAt, isEnd: false },
      { call, time: call.returnedAt, isEnd: true },
    ])
    .filter(({ time }) => time < Number.POSITIVE_INFINITY)
    .sort((one, other) => one.time - other.time || Number(one.isEnd) - Number(other.isEnd));
}
