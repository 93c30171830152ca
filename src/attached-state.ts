/**
 * State behind an object of an exported class. Private members would make the declarations for
 * `import` and for `require` incompatible; a registered symbol is found from any copy of the package,
 * too. A name changes when the shape of its state does.
 */
export interface AttachedState<State> {
  attach(owner: object, state: State): void;
  /** `undefined` when the owner is none of ours. */
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
