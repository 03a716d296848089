/**
 * The form of a case: calls, one after the other, in a folder that holds `f` ("hello\n") and `g` ("other\n"),
 * the empty folders `d` and `e`, `full` with `x` in it, and the links `fl` (to f), `dl` (to d), `dangling` and
 * `loop`. Files that a case opens are numbered from 0.
 */

/** A call of `runner.py` by its name, with what it is given. */
export type Step = readonly [string, ...(string | number | boolean | readonly (string | number)[])[]];

export interface Case {
  readonly name: string;
  /** What POSIX and Linux's manual page say comes of each step, joined by commas. */
  readonly expect: string;
  readonly steps: readonly Step[];
  /** Made beforehand, on the disk. */
  readonly setup: readonly Step[];
  /** Run by an ordinary user, in a folder of root's. */
  readonly user: boolean;
}

/** `name`: the call, then what is special about it. */
export function when(name: string, expect: string, ...steps: readonly Step[]): Case {
  return { name, expect, steps, setup: [], user: false };
}

/** The same for an ordinary user, to whom nothing there belongs. */
export function asUser(name: string, expect: string, ...steps: readonly Step[]): Case {
  return { ...when(`${name}, by a user to whom it does not belong`, expect, ...steps), user: true };
}

/** With more in the folder. */
export function given(setup: readonly Step[], one: Case): Case {
  return { ...one, setup };
}
