/**
 * Attaches internal state to an object of an exported class, under a registered symbol. Private members
 * would make the types for `import` and for `require` incompatible, and would be out of reach for a
 * second copy of the package. Change the name when the shape of the state changes.
 */
export interface AttachedState<State> {
  attach(owner: object, state: State): void;
  /** `undefined` when this package attached no state to the owner. */
  find(owner: object): State | undefined;
  /** For an owner that is known to have it. */
  of(owner: object): State;
}

export function attachedState<State>(name: string): AttachedState<State> {
  const key = Symbol.for(`storagebox.${name}`);
  const find = (owner: object) => (owner as { [key]?: State })[key];
  return {
    attach: (owner, state) => {
      Object.defineProperty(owner, key, { value: state });
    },
    find,
    of: (owner) => find(owner) as State,
  };
}
