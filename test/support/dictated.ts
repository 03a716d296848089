/**
 * A program whose system calls a test dictates one at a time: what happens between two calls of one
 * process decides most rules of a file system. The calls are Python's of the same names, which has
 * all of them; they run in a process of their own, because the test's own must never wait for a mount.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterEach } from 'vitest';
import { z } from 'zod';
import { ProcessGroup } from './process-group.js';
import { within } from './programs.js';

/** A call's arguments: names of constants stay what they are (`os.O_RDWR|os.O_TRUNC`), all else is JSON. */
const program = `
import ctypes, errno, json, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
kept = {}

def checked(result):
    if result < 0: raise OSError(ctypes.get_errno(), '')
    return result

def open_(path, flags, mode=0o666): return os.open(path, eval(flags), mode)
def read(fd, length): return os.read(fd, length).decode('latin1')
def pread(fd, length, at): return os.pread(fd, length, at).decode('latin1')
def write(fd, text): return os.write(fd, text.encode('latin1'))
def pwrite(fd, text, at): return os.pwrite(fd, text.encode('latin1'), at)
def stat(path): return shown(os.stat(path))
def fstat(fd): return shown(os.fstat(fd))
def shown(s): return {'ino': str(s.st_ino), 'size': s.st_size, 'blocks': s.st_blocks, 'mtime': s.st_mtime_ns // 1000000, 'uid': s.st_uid, 'gid': s.st_gid, 'mode': s.st_mode & 0o7777, 'nlink': s.st_nlink}
def utime(path, at): os.utime(path, ns=(at * 1000000, at * 1000000))
def map_(fd, length): kept['map'] = mmap.mmap(fd, length)
def map_write(at, text): kept['map'][at:at + len(text)] = text.encode('latin1')
def msync(): kept['map'].flush()
def unmap(): kept.pop('map').close()
def renameat2(old, new, flags): checked(libc.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags))
def fallocate(fd, mode, at, length): checked(libc.fallocate64(fd, mode, ctypes.c_longlong(at), ctypes.c_longlong(length)))
def listdir(path): return sorted(os.listdir(path))
def inodes(path): return {e.name: str(e.inode()) for e in os.scandir(path)}
def bytes_call(name, path): getattr(os, name)(bytes.fromhex(path))

own = {'open': open_, 'map': map_, **{f.__name__: f for f in (read, pread, write, pwrite, stat, fstat, utime, map_write, msync, unmap, renameat2, fallocate, listdir, inodes, bytes_call)}}
for line in sys.stdin:
    name, parameters = json.loads(line)
    try: answer = {'value': (own.get(name) or getattr(os, name))(*parameters)}
    except OSError as e: answer = {'errno': {'ENOTSUP': 'EOPNOTSUPP'}.get(errno.errorcode[e.errno], errno.errorcode[e.errno])}
    except Exception as e: answer = {'mistake': repr(e)}
    print(json.dumps(answer), flush=True)
`;

const answerSchema = z.union([z.object({ errno: z.string() }).strict(), z.object({ mistake: z.string() }).strict(), z.object({ value: z.unknown() })]);

const statSchema = z.object({
  ino: z.string(), size: z.number(), blocks: z.number(), mtime: z.number(), uid: z.number(), gid: z.number(), mode: z.number(), nlink: z.number(),
});
/** `mtime` in milliseconds since the epoch. */
export type Stat = z.infer<typeof statSchema>;

/** Milliseconds that one call may take. */
const usualDeadline = 20_000;

export class Dictated {
  readonly #child;
  readonly #group: ProcessGroup;
  readonly #answers: ((line: string) => void)[] = [];

  constructor() {
    this.#child = spawn('python3', ['-u', '-c', program], { cwd: '/', detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#group = new ProcessGroup(this.#child);
    this.#child.stdin.on('error', () => undefined);
    createInterface(this.#child.stdout).on('line', (line) => this.#answers.shift()?.(line));
    this.#child.on('close', () => {
      for (const hear of this.#answers.splice(0)) hear('{"errno":"(the program has ended)"}');
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Makes a call; answers its value. Rejects with an Error whose message is the errno's name. */
  async call(name: string, ...parameters: readonly unknown[]): Promise<unknown> {
    const answered = new Promise<string>((resolve) => this.#answers.push(resolve));
    this.#child.stdin.write(`${JSON.stringify([name, parameters])}\n`);
    const line = await within(usualDeadline, `${name}(${parameters.map((one) => JSON.stringify(one)).join(', ')})`, answered);
    const answer = answerSchema.parse(JSON.parse(line));
    if ('mistake' in answer) throw new Error(`a mistake in ${name}: ${answer.mistake}`);
    if ('errno' in answer) throw new Error(answer.errno);
    return answer.value;
  }

  /** What a call that must fail failed with: an errno's name, with EOPNOTSUPP for the two that Linux has of it. */
  async refused(name: string, ...parameters: readonly unknown[]): Promise<string> {
    const outcome = await this.call(name, ...parameters).then((value) => `success: ${JSON.stringify(value)}`, (error: unknown) => error);
    return outcome instanceof Error ? outcome.message : String(outcome);
  }

  /** Opens a file; `flags` in Python's words, such as `os.O_RDWR|os.O_TRUNC`. */
  async open(path: string, flags = 'os.O_RDONLY'): Promise<number> {
    return z.number().parse(await this.call('open', path, flags));
  }

  /** Bytes come as one character each. */
  async read(descriptor: number, length: number): Promise<string> {
    return z.string().parse(await this.call('read', descriptor, length));
  }

  async stat(path: string): Promise<Stat> {
    return statSchema.parse(await this.call('stat', path));
  }

  async close(descriptor: number): Promise<void> {
    await this.call('close', descriptor);
  }

  /** Ends the program; what it still holds is closed by the kernel. */
  end(): void {
    this.#group.kill();
  }
}

/** Call once in a test file. Programs are ended behind each test. */
export function useDictated(): () => Dictated {
  const started: Dictated[] = [];
  afterEach(() => {
    for (const one of started.splice(0)) one.end();
  });
  return () => {
    const one = new Dictated();
    started.push(one);
    return one;
  };
}
