import { constants } from 'node:os';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { FsError } from '../../src/errors.js';
import { rootNode } from '../../src/filesystem/filesystem.js';
import type { SendResult } from '../../src/fuse/connection.js';
import { Dispatcher } from '../../src/fuse/dispatcher.js';
import { logLevelOf } from '../../src/fuse/failures.js';
import type { FailedRequest } from '../../src/fuse/watching.js';
import { opcodes } from '../../src/fuse/protocol/opcodes.js';
import { MetricRegistry } from '../../src/observe/metrics.js';
import { collectingLog } from '../support/collecting-log.js';
import { MemoryFileSystem } from '../support/memory-filesystem.js';
import { fields, type Field } from './protocol/build.js';

const { errno } = constants;

/** A kernel that takes replies, or answers them as it is told. */
class FakeKernel {
  readonly replies: Buffer[] = [];
  answer: SendResult = 'sent';
  #unique = 0;
  readonly #dispatcher: Dispatcher;
  readonly fs: MemoryFileSystem;
  readonly failures: FailedRequest[] = [];
  readonly metrics = new MetricRegistry();
  readonly lines: ReturnType<typeof collectingLog>['lines'];

  constructor() {
    const { log, lines } = collectingLog();
    this.lines = lines;
    this.fs = new MemoryFileSystem({ ttl: 1000, directIo: false, uid: 0, gid: 0 });
    const connection = {
      send: (message: readonly Uint8Array[]): SendResult => {
        this.replies.push(Buffer.concat(message));
        return this.answer;
      },
    };
    this.#dispatcher = new Dispatcher(this.fs, connection, { maxReadahead: 0, timeGranularity: 1000 }, log, { metrics: this.metrics, failed: (failure) => this.failures.push(failure) });
  }

  get dispatcher(): Dispatcher {
    return this.#dispatcher;
  }

  /** Sends a request; answers its number, and whether its buffer was given back. */
  send(node: number, opcode: number, ...body: readonly Field[]): { readonly unique: number; readonly doneTimes: () => number } {
    this.#unique += 2;
    const rest = fields(...body);
    let times = 0;
    this.#dispatcher.receive(fields(40 + rest.length, opcode, BigInt(this.#unique), BigInt(node), 0, 0, 42, 0, rest), () => (times += 1));
    return { unique: this.#unique, doneTimes: () => times };
  }

  replyTo(unique: number): Buffer | undefined {
    return this.replies.find((reply) => Number(reply.readBigUInt64LE(8)) === unique);
  }

  /** Sends a request and waits for its reply: its error as a positive number, and what follows the header. */
  async ask(node: number, opcode: number, ...body: readonly Field[]): Promise<{ readonly error: number; readonly body: Buffer }> {
    const { unique } = this.send(node, opcode, ...body);
    const reply = await expect.poll(() => this.replyTo(unique)).toBeDefined().then(() => this.replyTo(unique));
    return { error: reply === undefined ? NaN : Math.abs(reply.readInt32LE(4)), body: reply?.subarray(16) ?? Buffer.alloc(0) };
  }
}

let kernel: FakeKernel;
beforeEach(() => {
  kernel = new FakeKernel();
});

describe('a failure', () => {
  it('is a negative errno and one line in the log: operation, node, name, number', async () => {
    expect(await kernel.ask(rootNode, opcodes.RMDIR, 'none\0')).toMatchObject({ error: errno.ENOENT });
    expect(kernel.lines).toEqual([expect.objectContaining({ operation: 'RMDIR', node: 1, name: 'none', unique: 2, pid: 42, errno: 'ENOENT', level: 20 })]);
  });

  it('of any other kind is EIO, an abort EINTR, with its cause', async () => {
    kernel.fs.statfs = () => {
      throw new TypeError('out of order');
    };
    expect(await kernel.ask(rootNode, opcodes.STATFS)).toMatchObject({ error: errno.EIO });
    expect(kernel.lines.at(-1)).toMatchObject({ level: 50, msg: 'out of order', operation: 'STATFS' });
    kernel.fs.opendir = () => Promise.reject(new DOMException('aborted', 'AbortError'));
    expect(await kernel.ask(rootNode, opcodes.OPENDIR, 0, 0)).toMatchObject({ error: errno.EINTR });
    kernel.fs.mkdir = () => Promise.reject(new FsError('EDQUOT', 'the quota is used up', { cause: new Error('HTTP 507') }));
    expect(await kernel.ask(rootNode, opcodes.MKDIR, 0o755, 0, 'd\0')).toMatchObject({ error: errno.EDQUOT });
    expect(kernel.lines.at(-1)).toMatchObject({ level: 40, msg: 'the quota is used up', cause: 'HTTP 507' });
  });

  it('that is news is told to whoever watches; an everyday answer is only counted', async () => {
    await kernel.ask(rootNode, opcodes.RMDIR, 'none\0');
    kernel.fs.mkdir = () => Promise.reject(new FsError('EDQUOT', 'the quota is used up'));
    await kernel.ask(rootNode, opcodes.MKDIR, 0o755, 0, 'd\0');
    await kernel.ask(rootNode, opcodes.MKDIR, 0o755, 0, 'd\0');
    const failure = { operation: 'MKDIR', at: 1, name: 'd', errno: 'EDQUOT', message: 'the quota is used up' };
    expect(kernel.failures).toEqual([failure, failure]);
    const samples = (name: string) => kernel.metrics.collect().find((family) => family.name === name)?.samples;
    expect(samples('amarre_fuse_requests_total')).toEqual([{ labels: { operation: 'RMDIR' }, value: 1 }, { labels: { operation: 'MKDIR' }, value: 2 }]);
    expect(samples('amarre_fuse_failures_total')).toEqual([
      { labels: { operation: 'RMDIR', errno: 'ENOENT' }, value: 1 }, { labels: { operation: 'MKDIR', errno: 'EDQUOT' }, value: 2 },
    ]);
  });

  it.each([['ENOENT', 'debug'], ['EEXIST', 'debug'], ['EINTR', 'debug'], ['EACCES', 'warn'], ['ENOSPC', 'warn'], ['EIO', 'error'], ['ETIMEDOUT', 'error']] as const)(
    '%s is told at level %s', (name, level) => expect(logLevelOf(name)).toBe(level),
  );

  it('of a reply that cannot be made is EIO', async () => {
    kernel.fs.statfs = () => ({ blockSize: -1, blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameLength: 0 });
    expect(await kernel.ask(rootNode, opcodes.STATFS)).toMatchObject({ error: errno.EIO });
  });

  it('of a copy that is to be read and written instead is told so, and the next is asked for again', async () => {
    kernel.fs.copyRange = () => Promise.reject(new FsError('EOPNOTSUPP', 'not the whole of a file'));
    expect(await kernel.ask(rootNode, opcodes.COPY_FILE_RANGE_64, 1n, 0n, 1n, 2n, 0n, 5n, 0n)).toMatchObject({ error: errno.EOPNOTSUPP });
    expect(kernel.lines.at(-1)).toMatchObject({ level: 20, operation: 'COPY_FILE_RANGE_64' });
  });

  it('of a read that was given more than it asked for is EIO', async () => {
    const node = kernel.fs.plant(rootNode, 'f', Buffer.from('abc'));
    kernel.fs.read = () => Promise.resolve([Buffer.from('abcdef')]);
    expect(await kernel.ask(node, opcodes.READ, 1n, 0n, 5, 0, 0n, 0, 0)).toMatchObject({ error: errno.EIO });
  });
});

describe('an operation', () => {
  it.each<[string, number, Field[], number]>([
    ['READLINK', opcodes.READLINK, [], errno.ENOSYS],
    ['COPY_FILE_RANGE with flags', opcodes.COPY_FILE_RANGE, [0n, 0n, 0n, 0n, 0n, 0n, 1n], errno.EINVAL],
    ['COPY_FILE_RANGE_64 past 2^53', opcodes.COPY_FILE_RANGE_64, [0n, 1n << 52n, 2n, 0n, 0n, 1n << 53n, 0n], errno.EFBIG],
    ['SETLK', opcodes.SETLK, [0n], errno.ENOSYS],
    ['STATX', opcodes.STATX, [0n], errno.ENOSYS],
    ['one of tomorrow', 4242, [], errno.ENOSYS],
    ['LINK', opcodes.LINK, [1n, 'a\0'], errno.EPERM],
    ['SYMLINK', opcodes.SYMLINK, ['a\0b\0'], errno.EPERM],
    ['MKNOD of a pipe', opcodes.MKNOD, [0o010644, 0, 0, 0, 'p\0'], errno.EPERM],
    ['MKNOD of a file', opcodes.MKNOD, [0o100644, 0, 0, 0, 'f\0'], 0],
    ['FALLOCATE of a hole: not ENOSYS, which would end all FALLOCATE', opcodes.FALLOCATE, [1n, 0n, 5n, 3, 0], errno.EOPNOTSUPP],
    ['RENAME2 with EXCHANGE', opcodes.RENAME2, [1n, 2, 0, 'a\0b\0'], errno.EINVAL],
    ['RENAME2 with WHITEOUT', opcodes.RENAME2, [1n, 4, 0, 'a\0b\0'], errno.EINVAL],
    ['LSEEK with SEEK_END', opcodes.LSEEK, [1n, 0n, 2, 0], errno.EINVAL],
    ['GETXATTR security.capability', opcodes.GETXATTR, [0, 0, 'security.capability\0'], errno.EOPNOTSUPP],
    ['GETXATTR system.posix_acl_access', opcodes.GETXATTR, [0, 0, 'system.posix_acl_access\0'], errno.EOPNOTSUPP],
    ['SETXATTR system.posix_acl_access', opcodes.SETXATTR, [1, 0, 'system.posix_acl_access\0x'], errno.EOPNOTSUPP],
    ['REMOVEXATTR security.x', opcodes.REMOVEXATTR, ['security.x\0'], errno.EOPNOTSUPP],
    ['GETXATTR of what is not there', opcodes.GETXATTR, [0, 0, 'user.none\0'], errno.ENODATA],
    ['ACCESS', opcodes.ACCESS, [4, 0], 0],
    ['FSYNCDIR', opcodes.FSYNCDIR, [1n, 0, 0], 0],
    ['DESTROY', opcodes.DESTROY, [], 0],
    ['a name that is not UTF-8', opcodes.LOOKUP, [Buffer.from([0xe9, 0])], errno.EILSEQ],
    ['a request that ends too early', opcodes.READ, [1n], errno.EINVAL],
  ])('%s', async (_name, opcode, body, error) => {
    expect((await kernel.ask(rootNode, opcode, ...body)).error).toBe(error);
  });

  it('GETXATTR answers the size, ERANGE, or the value', async () => {
    await kernel.fs.setxattr(rootNode, 'user.k', Buffer.from('value'));
    expect((await kernel.ask(rootNode, opcodes.GETXATTR, 0, 0, 'user.k\0')).body.readUInt32LE(0)).toBe(5);
    expect((await kernel.ask(rootNode, opcodes.GETXATTR, 4, 0, 'user.k\0')).error).toBe(errno.ERANGE);
    expect((await kernel.ask(rootNode, opcodes.GETXATTR, 5, 0, 'user.k\0')).body.toString()).toBe('value');
    await kernel.fs.setxattr(rootNode, 'user.é', Buffer.from(''));
    expect((await kernel.ask(rootNode, opcodes.LISTXATTR, 100, 0)).body.toString()).toBe('user.k\0user.é\0');
  });

  it('SETATTR of nothing that is known here shows the attributes and changes none', async () => {
    const body = [1 << 11, 0, 0n, 0n, 0n, 0n, 0n, 0n, 0, 0, 0, 0, 0, 0, 0, 0] as const;
    expect((await kernel.ask(rootNode, opcodes.SETATTR, ...body)).error).toBe(0);
    expect(kernel.fs.report().calls).toEqual({ getattr: 1 });
  });
});

describe('FORGET', () => {
  it('is not answered, one or many, nor is NOTIFY_REPLY, not even where it is wrong', async () => {
    kernel.fs.plant(rootNode, 'a', Buffer.from(''));
    const { body } = await kernel.ask(rootNode, opcodes.LOOKUP, 'a\0');
    const node = body.readBigUInt64LE(0);
    expect(kernel.fs.report().lookups).toBe(1);
    const before = kernel.replies.length;
    kernel.send(rootNode, opcodes.BATCH_FORGET, 1, 0, node, 1n);
    expect(kernel.fs.report().lookups).toBe(0);
    kernel.send(Number(node), opcodes.FORGET, 1n);
    expect(kernel.lines.at(-1)).toMatchObject({ operation: 'FORGET', level: 50 });
    kernel.send(rootNode, opcodes.BATCH_FORGET, 0xffffffff, 0);
    kernel.send(rootNode, opcodes.NOTIFY_REPLY);
    await new Promise((resolve) => setImmediate(resolve));
    expect(kernel.replies.length).toBe(before);
  });
});

describe('a reply that nobody waits for any more', () => {
  it.each<[string, number, Field[]]>([
    ['LOOKUP', opcodes.LOOKUP, ['f\0']],
    ['MKDIR', opcodes.MKDIR, [0o755, 0, 'new\0']],
    ['MKNOD', opcodes.MKNOD, [0o100644, 0, 0, 0, 'new\0']],
    ['CREATE', opcodes.CREATE, [1, 0o644, 0, 0, 'new\0']],
    ['OPENDIR', opcodes.OPENDIR, [0, 0]],
  ])('of %s gives its lookup count and its handle back', async (_name, opcode, body) => {
    kernel.fs.plant(rootNode, 'f', Buffer.from(''));
    kernel.answer = 'absent';
    await kernel.ask(rootNode, opcode, ...body);
    await expect.poll(() => kernel.fs.report()).toMatchObject({ lookups: 0, openHandles: 0 });
    expect(kernel.lines).toEqual([]);
  });

  it('of OPEN gives its handle back', async () => {
    const node = kernel.fs.plant(rootNode, 'f', Buffer.from(''));
    kernel.answer = 'absent';
    await kernel.ask(node, opcodes.OPEN, 0, 0);
    await expect.poll(() => kernel.fs.report().openHandles).toBe(0);
  });

  it('of READDIRPLUS gives all its counts back', async () => {
    for (let index = 0; index < 50; index += 1) kernel.fs.plant(rootNode, `f${index}`, Buffer.from(''));
    const { body } = await kernel.ask(rootNode, opcodes.OPENDIR, 0, 0);
    const handle = body.readBigUInt64LE(0);
    const ask = (): Promise<unknown> => kernel.ask(rootNode, opcodes.READDIRPLUS, handle, 0n, 1600, 0, 0n, 0, 0);
    await ask();
    // 1600 bytes: `.`, `..` and eight more of 160.
    expect(kernel.fs.report().lookups).toBe(8);
    kernel.answer = 'absent';
    await ask();
    await expect.poll(() => kernel.fs.report().lookups).toBe(8);
  });
});

describe('INTERRUPT', () => {
  it('aborts the request\'s signal; the request is answered, the interrupt not', async () => {
    kernel.fs.stall('opendir');
    const { unique } = kernel.send(rootNode, opcodes.OPENDIR, 0, 0);
    const interrupt = kernel.send(rootNode, opcodes.INTERRUPT, BigInt(unique));
    await expect.poll(() => kernel.replyTo(unique)?.readInt32LE(4)).toBe(-errno.EINTR);
    expect(kernel.replyTo(interrupt.unique)).toBeUndefined();
  });

  it('aborts a signal that is looked at only later', async () => {
    const aborted: boolean[] = [];
    let later: () => void = () => undefined;
    kernel.fs.opendir = async (_node, caller) => {
      await new Promise<void>((resolve) => (later = resolve));
      aborted.push(caller.signal.aborted);
      throw new FsError('EINTR', 'interrupted');
    };
    const { unique } = kernel.send(rootNode, opcodes.OPENDIR, 0, 0);
    kernel.send(rootNode, opcodes.INTERRUPT, BigInt(unique));
    later();
    await expect.poll(() => aborted).toEqual([true]);
  });

  it('for a request that is not known yet is EAGAIN: the kernel sends it again', async () => {
    expect(await kernel.ask(0, opcodes.INTERRUPT, 4711n)).toMatchObject({ error: errno.EAGAIN });
    expect(kernel.lines).toEqual([]);
  });
});

describe('a buffer', () => {
  it('is given back once, at once but for a large WRITE, which is read from it to its end', async () => {
    const node = kernel.fs.plant(rootNode, 'f', Buffer.from(''));
    const { body } = await kernel.ask(node, opcodes.OPEN, 2, 0);
    const handle = body.readBigUInt64LE(0);
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    kernel.fs.write = async (_node, _handle, _offset, data) => {
      await gate;
      return data.byteLength;
    };
    const write = (size: number): ReturnType<FakeKernel['send']> => kernel.send(node, opcodes.WRITE, handle, 0n, size, 0, 0n, 0, 0, Buffer.alloc(size));
    const small = write(4096);
    const large = write(100_000);
    const getattr = kernel.send(node, opcodes.GETATTR, 0, 0, 0n);
    expect([small.doneTimes(), large.doneTimes(), getattr.doneTimes()]).toEqual([1, 0, 1]);
    release();
    await expect.poll(() => large.doneTimes()).toBe(1);
    expect([small.doneTimes(), getattr.doneTimes()]).toEqual([1, 1]);
    expect(kernel.replyTo(small.unique)?.readUInt32LE(16)).toBe(4096);
  });
});

describe('the end', () => {
  it('abandoned, readers are interrupted and writers are not', async () => {
    const node = kernel.fs.plant(rootNode, 'f', Buffer.from('x'));
    const handle = (await kernel.ask(node, opcodes.OPEN, 2, 0)).body.readBigUInt64LE(0);
    kernel.fs.stall('read');
    kernel.fs.stall('fsync');
    const read = kernel.send(node, opcodes.READ, handle, 0n, 10, 0, 0n, 0, 0);
    const fsync = kernel.send(node, opcodes.FSYNC, handle, 0, 0);
    kernel.dispatcher.abandon();
    await expect.poll(() => kernel.replyTo(read.unique)?.readInt32LE(4)).toBe(-errno.EINTR);
    expect(kernel.replyTo(fsync.unique)).toBeUndefined();
  });

  it('refused, all that waits and all that comes is ENOTCONN', async () => {
    kernel.fs.stall('opendir');
    const { unique } = kernel.send(rootNode, opcodes.OPENDIR, 0, 0);
    kernel.dispatcher.refuseAll();
    expect(kernel.replyTo(unique)?.readInt32LE(4)).toBe(-errno.ENOTCONN);
    expect(await kernel.ask(rootNode, opcodes.GETATTR, 0, 0, 0n)).toMatchObject({ error: errno.ENOTCONN });
  });
});

describe('INIT', () => {
  it('tells what was agreed on', async () => {
    kernel.send(0, opcodes.INIT, 7, 40, 131072, 0x1, 0);
    expect(await kernel.dispatcher.agreed).toEqual({ minor: 40, flags: 1 });
  });

  it('of a kernel that is too old fails, there and here', async () => {
    expect((await kernel.ask(0, opcodes.INIT, 7, 22, 131072, 0x1)).error).toBe(errno.ENOSYS);
    await expect(kernel.dispatcher.agreed).rejects.toThrow('FUSE 7.22');
  });
});

describe('random bytes', () => {
  it('never make it throw, lose a buffer, or answer twice', async () => {
    const known = fc.constantFrom(...Object.values(opcodes).filter((code) => code !== opcodes.INIT));
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(known, fc.nat(3), fc.uint8Array({ maxLength: 120 })), { maxLength: 30 }), async (requests) => {
      const fuzzed = new FakeKernel();
      fuzzed.fs.plant(rootNode, 'f', Buffer.from('content'));
      const sent = requests.map(([code, node, body]) => fuzzed.send(node, code, body));
      await new Promise((resolve) => setImmediate(resolve));
      expect(sent.map(({ doneTimes }) => doneTimes())).toEqual(sent.map(() => 1));
      for (const { unique } of sent) {
        expect(fuzzed.replies.filter((reply) => Number(reply.readBigUInt64LE(8)) === unique).length).toBeLessThanOrEqual(1);
      }
      expect(fuzzed.replies.every((reply) => reply.readUInt32LE(0) === reply.length)).toBe(true);
    }), { numRuns: 300 });
  });

  it('without a header are told and dropped', () => {
    let done = 0;
    kernel.dispatcher.receive(Buffer.from('short'), () => (done += 1));
    expect(done).toBe(1);
    expect(kernel.replies).toEqual([]);
    expect(kernel.lines).toEqual([expect.objectContaining({ level: 50 })]);
  });
});
