/**
 * `st_ino` for a binding that has 32 bits for it: the 64-bit number folded, another where a file that was seen
 * lately has it already. The same at every mount but for such a clash.
 */

/** Numbers below this mean something to the kernel and to tools; the root's own is let through. */
const smallest = 16;

export class FoldedInodeNumbers {
  readonly #limit: number;
  readonly #byIno = new Map<bigint, number>();
  readonly #taken = new Map<number, bigint>();

  /** @param limit files that are remembered */
  constructor(limit: number) {
    this.#limit = limit;
  }

  number(ino: bigint): number {
    if (ino < BigInt(smallest)) return Number(ino);
    const known = this.#byIno.get(ino);
    const number = known ?? this.#free(ino);
    // What was asked for last is forgotten last.
    this.#byIno.delete(ino);
    this.#byIno.set(ino, number);
    this.#taken.set(number, ino);
    const [oldest] = this.#byIno;
    if (this.#byIno.size > this.#limit && oldest !== undefined) {
      this.#byIno.delete(oldest[0]);
      this.#taken.delete(oldest[1]);
    }
    return number;
  }

  #free(ino: bigint): number {
    for (let number = fold(ino); ; number = number === 0xffff_ffff ? smallest : number + 1) {
      if (!this.#taken.has(number)) return number;
    }
  }
}

function fold(ino: bigint): number {
  const number = Number((ino ^ (ino >> 32n)) & 0xffff_ffffn);
  return number < smallest ? number + smallest : number;
}
