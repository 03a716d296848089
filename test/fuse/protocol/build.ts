/** Requests made by hand, for what the recorded ones do not show. */

/** A field: 4 bytes for a number, 8 for a bigint, else the bytes as they are. */
export type Field = number | bigint | string | Uint8Array;

/** The bytes of fields in a row; a text stands without its NUL. */
export function fields(...all: readonly Field[]): Buffer {
  return Buffer.concat(all.map((field) => {
    if (typeof field === 'string') return Buffer.from(field);
    if (field instanceof Uint8Array) return field;
    const bytes = Buffer.alloc(typeof field === 'number' ? 4 : 8);
    if (typeof field === 'number') bytes.writeUInt32LE(field >>> 0);
    else bytes.writeBigUInt64LE(BigInt.asUintN(64, field));
    return bytes;
  }));
}

/** A whole request of node 7 by process 42 of user 1000 and group 100. */
export function request(opcode: number, ...body: readonly Field[]): Buffer {
  const rest = fields(...body);
  return fields(40 + rest.length, opcode, 0x1_0000_0002n, 7n, 1000, 100, 42, 0, rest);
}
