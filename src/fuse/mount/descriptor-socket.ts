/**
 * A socket pair over which another program sends an open descriptor: how fusermount3 hands over the
 * device that it has mounted. Node has no call that takes a descriptor of an unknown kind from a socket;
 * koffi calls the C library's. It is an optional package, loaded here and only when it is needed.
 */
import { closeSync } from 'node:fs';
import { z } from 'zod';
import { FsError } from '../../errors.js';

type NativeFunction = (...parameters: unknown[]) => unknown;

/** What is used of koffi. Its own types may not be there when this is built. */
interface Koffi {
  load(path: null): { func(name: string, result: string, parameters: readonly unknown[]): NativeFunction };
  struct(members: Readonly<Record<string, unknown>>): unknown;
  pointer(type: unknown): unknown;
  inout(type: unknown): unknown;
  sizeof(type: string): number;
  errno(): number;
}

const functions = ['load', 'struct', 'pointer', 'inout', 'sizeof', 'errno'];
const koffiSchema = z.custom<Koffi>((value) =>
  typeof value === 'object' && value !== null && functions.every((name) => typeof Reflect.get(value, name) === 'function'));
const numberSchema = z.number();
const headerSchema = z.object({ controllen: z.number() });

/** Linux's numbers: the same for every processor that Node runs on. */
const [AF_UNIX, SOCK_STREAM, SOCK_CLOEXEC] = [1, 1, 0o2000000];
const [MSG_DONTWAIT, MSG_CMSG_CLOEXEC] = [0x40, 0x40000000];
const [SOL_SOCKET, SCM_RIGHTS] = [1, 1];

/** Room for one descriptor with its header, and more than that. */
const controlSize = 64;

/** Whether koffi is here and fits this machine. */
export async function canReceiveDescriptors(): Promise<boolean> {
  return loadCalls().then(() => true, () => false);
}

export class DescriptorSocket {
  readonly #calls: Calls;
  readonly #near: number;
  /** The end for the other program: closed when a program is executed, unless it is handed on. */
  readonly far: number;

  private constructor(calls: Calls, near: number, far: number) {
    this.#calls = calls;
    this.#near = near;
    this.far = far;
  }

  /** ENOSYS where koffi cannot be loaded. */
  static async open(): Promise<DescriptorSocket> {
    const calls = await loadCalls().catch((thrown: unknown) => {
      throw new FsError('ENOSYS', 'the package koffi cannot be loaded: npm install koffi, in the folder of Amarre', { cause: thrown });
    });
    const pair = new Int32Array(2);
    const [near = -1, far = -1] = numberSchema.parse(calls.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) === 0 ? pair : [];
    if (near < 0) throw new FsError('EIO', `no socket pair: errno ${calls.errno()}`);
    return new DescriptorSocket(calls, near, far);
  }

  /** What was sent before: the descriptor, which is now the caller's to close; undefined where none was. Does not wait. */
  receive(): number | undefined {
    const data = new Uint8Array(1);
    const control = new Uint8Array(controlSize);
    const header = {
      name: null, namelen: 0, iov: [{ base: data, length: data.length }], iovlen: 1, control, controllen: controlSize, flags: 0,
    };
    if (numberSchema.parse(this.#calls.recvmsg(this.#near, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) <= 0) return undefined;
    return descriptorIn(control.subarray(0, headerSchema.parse(header).controllen), this.#calls.wordSize);
  }

  /** Both ends. */
  close(): void {
    closeSync(this.#near);
    closeSync(this.far);
  }
}

interface Calls {
  readonly socketpair: NativeFunction;
  readonly recvmsg: NativeFunction;
  /** Bytes of a size_t. */
  readonly wordSize: number;
  errno(): number;
}

async function loadCalls(): Promise<Calls> {
  // Not a literal: the build must not ask for a package that may be missing.
  const name: string = 'koffi';
  const koffi = koffiSchema.parse(await import(name));
  const library = koffi.load(null);
  const iovec = koffi.struct({ base: 'void *', length: 'size_t' });
  const msghdr = koffi.struct({
    name: 'void *', namelen: 'uint32_t', iov: koffi.pointer(iovec), iovlen: 'size_t', control: 'void *', controllen: 'size_t', flags: 'int',
  });
  return {
    socketpair: library.func('socketpair', 'int', ['int', 'int', 'int', 'void *']),
    // `long` has the size of ssize_t on Linux.
    recvmsg: library.func('recvmsg', 'long', ['int', koffi.inout(koffi.pointer(msghdr)), 'int']),
    wordSize: koffi.sizeof('size_t'),
    errno: () => koffi.errno(),
  };
}

/**
 * The descriptor in the control data of a message (cmsg(3)): a length of one word, level and type of
 * 32 bits each, then the descriptor. Little-endian, as the driver is.
 */
export function descriptorIn(control: Uint8Array, wordSize: number): number | undefined {
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength);
  const start = wordSize + 8;
  if (view.byteLength < start + 4 || view.getUint32(0, true) < start + 4) return undefined;
  if (view.getInt32(wordSize, true) !== SOL_SOCKET || view.getInt32(wordSize + 4, true) !== SCM_RIGHTS) return undefined;
  return view.getInt32(start, true);
}
