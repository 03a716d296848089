/**
 * Tries what an SFTPGo account may do, each right by the one call that needs it and by no way around it:
 * on files of our own under hidden names, which are deleted again. Whether things can be deleted is
 * found out with the first of them, so that an account without that right is left with no more than one.
 */
import { Readable } from 'node:stream';
import { FsError, toFsError } from '../../errors.js';
import { plainWords } from '../../http/answer-words.js';
import { multipartForm } from '../../http/multipart.js';
import { parseContentRange } from '../../http/ranges.js';
import { nameOf } from '../paths.js';
import type { AccountFacts, ExaminationOptions, Measurement, Probe, Right, Trial } from '../probe.js';
import type { Lack } from './answers.js';
import type { Api, Call } from './api.js';
import type { Lister } from './listing.js';
import type { Looker } from './looking.js';
import type { Temporaries } from './temporaries.js';

/** Small questions whose times are compared. */
const questions = 3;
/** How long the deletion of what was made may take in all, in milliseconds. */
const cleaningPatience = 15_000;
/** The time that is set for trying, milliseconds since the epoch: a whole second that nothing else would set. */
const triedTime = Date.UTC(2001, 1, 3, 4, 5, 6);
/** Bytes of the file that the first trials are made with. */
const smallFile = 64;

const granted: Trial = { result: 'granted' };

export interface ProberParts {
  readonly api: Api;
  readonly looker: Looker;
  readonly lister: Lister;
  readonly temporaries: Temporaries;
  /** From the home's root. */
  readonly base: string;
  /** A path from the home's root as one below the remote's base. */
  readonly locate: (path: string) => string;
  /** The first bytes of a file, by whatever service gives them. */
  readonly readAnyhow: (path: string, end: number, signal: AbortSignal) => Promise<Buffer>;
}

export class Prober implements Probe {
  constructor(private readonly parts: ProberParts) {}

  clockAhead(): number | undefined {
    return this.parts.api.http.clock.ahead();
  }

  async examine(options: ExaminationOptions, signal: AbortSignal): Promise<AccountFacts> {
    const examination = new Examination(this.parts, options, signal);
    let left: readonly string[] = [];
    try {
      await examination.run();
    } finally {
      left = await examination.clean();
    }
    return { ...examination.facts(), left: left.map((path) => this.parts.locate(path)) };
  }
}

class Examination {
  readonly #parts: ProberParts;
  readonly #options: ExaminationOptions;
  readonly #signal: AbortSignal;
  readonly #rights = new Map<Right, Trial>();
  #ranges: Trial = notTried('no file to read was there');
  #latency: number | undefined;
  #upload: Measurement | undefined;
  #download: Measurement | undefined;
  /** What may be on the server because of us. */
  readonly #made = new Map<string, 'file' | 'folder'>();

  constructor(parts: ProberParts, options: ExaminationOptions, signal: AbortSignal) {
    this.#parts = parts;
    this.#options = options;
    this.#signal = signal;
  }

  facts(): Omit<AccountFacts, 'left'> {
    const why = this.#options.write ? 'there was nothing to try it on' : 'nothing was to be written';
    const right = (name: Right): Trial => this.#rights.get(name) ?? notTried(why);
    return {
      rights: {
        'list': right('list'), 'download': right('download'), 'upload': right('upload'), 'overwrite': right('overwrite'),
        'delete': right('delete'), 'rename': right('rename'), 'create folders': right('create folders'), 'set times': right('set times'),
        'copy': right('copy'),
      },
      ranges: this.#ranges,
      latency: this.#latency,
      upload: this.#upload,
      download: this.#download,
    };
  }

  async run(): Promise<void> {
    const { base } = this.#parts;
    await this.#try('list', { operation: 'list', method: 'GET', route: '/user/dirs', path: base, accept: [200], idempotent: true });
    await this.#measureLatency();
    const file = this.#options.write ? await this.#tryWriting() : undefined;
    const readable = file ?? await this.#findReadable();
    if (readable !== undefined) await this.#tryReading(readable);
    if (file !== undefined) await this.#tryChanging(file.path);
  }

  /** Deletes what was made; resolves to the paths that could not be deleted. */
  async clean(): Promise<string[]> {
    const signal = AbortSignal.timeout(cleaningPatience);
    const left: string[] = [];
    for (const [path, kind] of this.#made) {
      if (!isGone(await this.#send(deletion(path, kind), signal))) left.push(path);
    }
    return left;
  }

  /** The rights to upload, delete and overwrite. Resolves to the file that is there then, with its content. */
  async #tryWriting(): Promise<TriedFile | undefined> {
    const { temporaries, base } = this.#parts;
    const path = temporaries.pathIn(base);
    const small = Buffer.alloc(smallFile, 'amarre doctor ');
    const uploaded = await this.#try('upload', upload(path, small));
    if (uploaded.result === 'refused' && await this.#tryForm(path, small)) return { path, size: small.length, content: small };
    if (uploaded.result !== 'granted') {
      await this.#tryFolder();
      return undefined;
    }
    const deleted = await this.#try('delete', deletion(path, 'file'));
    if (deleted.result === 'granted' && (await this.#tell(upload(path, small))).result !== 'granted') return undefined;
    const large = Buffer.alloc(this.#options.bytes, 'amarre doctor tries how fast a file goes up and comes down again. ');
    const started = performance.now();
    const overwritten = await this.#try('overwrite', upload(path, large));
    if (overwritten.result === 'granted') {
      this.#upload = { bytes: large.length, milliseconds: performance.now() - started };
      return { path, size: large.length, content: large };
    }
    return deleted.result === 'granted' ? await this.#uploadBeside(large) ?? { path, size: small.length, content: small } : { path, size: small.length, content: small };
  }

  /**
   * The one upload of an operator who offers the four documented services only. Without deletion among
   * them, which shows by asking for that of nothing, it would leave a file.
   */
  async #tryForm(path: string, content: Buffer): Promise<boolean> {
    const { temporaries, base } = this.#parts;
    const deletable = await this.#bounded((signal) => this.#send(deletion(temporaries.pathIn(base), 'file'), signal));
    if (!isGone(deletable)) {
      this.#rights.set('upload', notTried('no upload but perhaps as a form, and what that makes could not be deleted again'));
      return false;
    }
    const { headers, body } = multipartForm({}, { field: 'filenames', name: nameOf(path), content: { size: content.length, open: (start) => Readable.from([content.subarray(start)]) } }, 'encoded');
    this.#made.set(path, 'file');
    // Its path is the folder's, which is not ours to keep account of.
    const form = await this.#bounded((signal) => this.#send({ ...upload(base, content), route: '/user/files', headers, body }, signal));
    if (form.result !== 'granted') {
      this.#made.delete(path);
      return false;
    }
    this.#rights.set('upload', { result: 'granted', how: 'granted, as a form: files get the time of their upload' });
    return true;
  }

  /** How fast an upload is, for an account that may not overwrite. */
  async #uploadBeside(content: Buffer): Promise<TriedFile | undefined> {
    const path = this.#parts.temporaries.pathIn(this.#parts.base);
    const started = performance.now();
    if ((await this.#tell(upload(path, content))).result !== 'granted') return undefined;
    this.#upload = { bytes: content.length, milliseconds: performance.now() - started };
    return { path, size: content.length, content };
  }

  /** The rights that a file of our own can be tried with. */
  async #tryChanging(file: string): Promise<void> {
    const { temporaries, looker, base } = this.#parts;
    const timed = await this.#try('set times', {
      operation: 'set time', method: 'PATCH', route: '/user/files/metadata', path: file, headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ modification_time: triedTime })), accept: [200], idempotent: true,
    });
    if (timed.result === 'granted') {
      const sight = await this.#bounded((signal) => looker.look(file, signal)).catch(() => undefined);
      if (sight?.kind === 'file' && sight.modified !== triedTime) {
        this.#rights.set('set times', { result: 'failed', said: 'the server accepts a time and shows another' });
      }
    }
    const renamed = temporaries.pathIn(base);
    this.#made.set(renamed, 'file');
    const moved = await this.#try('rename', { ...twoPaths('move', file, renamed), route: '/user/file-actions/move' });
    if (moved.result === 'granted') this.#made.delete(file);
    if (moved.result === 'refused') this.#made.delete(renamed);
    if (this.#rights.get('delete')?.result !== 'granted') {
      for (const right of ['copy', 'create folders'] as const) this.#rights.set(right, notTried('what it makes could not be deleted again'));
      return;
    }
    const copied = temporaries.pathIn(base);
    this.#made.set(copied, 'file');
    await this.#try('copy', { ...twoPaths('copy', moved.result === 'granted' ? renamed : file, copied), route: '/user/file-actions/copy' });
    await this.#tryFolder();
  }

  /** The right to create folders; and to delete, where no file could be made to try that on. */
  async #tryFolder(): Promise<void> {
    const path = this.#parts.temporaries.pathIn(this.#parts.base);
    this.#made.set(path, 'folder');
    const made = await this.#try('create folders', {
      operation: 'make folder', method: 'POST', route: '/user/dirs', path, accept: [200, 201], idempotent: false,
    });
    if (made.result === 'refused') this.#made.delete(path);
    if (made.result === 'granted' && !this.#rights.has('delete')) await this.#try('delete', deletion(path, 'folder'));
  }

  /** A file of the account's own that can be read, where none of ours is there. */
  async #findReadable(): Promise<TriedFile | undefined> {
    const { lister, base } = this.#parts;
    if (this.#rights.get('list')?.result !== 'granted') return undefined;
    const listing = await this.#bounded((signal) => lister.list(base, signal)).catch(this.#unlessAborted);
    const found = listing?.entries.find(({ kind, size }) => kind === 'file' && size !== undefined && size >= smallestReadable);
    return found?.size === undefined ? undefined : { path: base === '/' ? `/${found.name}` : `${base}/${found.name}`, size: found.size };
  }

  /** The right to download, how fast it goes, and whether a part can be had. */
  async #tryReading(file: TriedFile): Promise<void> {
    const wanted = Math.min(file.size, this.#options.bytes);
    const started = performance.now();
    const whole = await this.#read(file, 0, wanted);
    this.#rights.set('download', whole.trial);
    if (whole.trial.result === 'refused') await this.#readAnyhow(file.path, wanted, whole.trial);
    if (whole.bytes === undefined) return;
    this.#download = { bytes: whole.bytes.length, milliseconds: performance.now() - started };
    const part = await this.#read({ ...file, content: whole.bytes }, 1, 3);
    const ignored: Trial = { result: 'failed', said: 'the server sends the whole file where a part is asked for' };
    this.#ranges = part.status === 200 ? ignored : part.trial;
  }

  /** What cannot be read by ranges may be read whole, through streamzip. */
  async #readAnyhow(path: string, end: number, refused: Trial): Promise<void> {
    const started = performance.now();
    const bytes = await this.#bounded((signal) => this.#parts.readAnyhow(path, end, signal)).catch(this.#unlessAborted);
    if (bytes === undefined) return;
    this.#rights.set('download', { result: 'granted', how: 'granted, through streamzip' });
    this.#ranges = refused;
    this.#download = { bytes: bytes.length, milliseconds: performance.now() - started };
  }

  async #read(file: TriedFile, start: number, end: number): Promise<{ readonly trial: Trial; readonly bytes?: Buffer; readonly status?: number }> {
    try {
      return await this.#bounded(async (signal) => {
        const reply = await this.#parts.api.call({
          operation: 'read', method: 'GET', route: '/user/files', path: file.path, lane: 'transfer', accept: [200, 206], idempotent: true,
          headers: { 'range': `bytes=${start}-${end - 1}`, 'accept-encoding': 'identity' },
        }, signal);
        if (reply.kind !== 'answer') return { trial: refusal(reply) };
        const { answer } = reply;
        const pieces: Uint8Array[] = [];
        let length = 0;
        for await (const piece of answer.body) {
          pieces.push(piece);
          length += piece.length;
          // A whole file that was not asked for may be large.
          if (length > end) break;
        }
        const range = parseContentRange(answer.header('content-range'));
        const bytes = Buffer.concat(pieces).subarray(0, end);
        const right = answer.status === 200 ? bytes.subarray(start, end) : bytes;
        const fits = answer.status === 200 || (range?.start === start && range.end === end && bytes.length === end - start);
        const same = file.content === undefined || right.equals(file.content.subarray(start, end));
        const trial: Trial = fits && same ? granted : { result: 'failed', said: 'the server sends other bytes than were asked for' };
        return { trial, bytes: right, status: answer.status };
      });
    } catch (error) {
      this.#unlessAborted(error);
      return { trial: failure(error) };
    }
  }

  async #measureLatency(): Promise<void> {
    const times: number[] = [];
    for (let count = 0; count < questions; count += 1) {
      const started = performance.now();
      const sight = await this.#bounded((signal) => this.#parts.looker.look(this.#parts.base, signal)).catch(this.#unlessAborted);
      if (sight !== undefined) times.push(performance.now() - started);
    }
    this.#latency = times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
  }

  async #try(right: Right, call: Call): Promise<Trial> {
    const trial = await this.#tell(call);
    this.#rights.set(right, trial);
    return trial;
  }

  /** Sends a call, and keeps account of what it makes or deletes. */
  async #tell(call: Call): Promise<Trial> {
    if (call.operation === 'upload' && !this.#made.has(call.path)) this.#made.set(call.path, 'file');
    const trial = await this.#bounded((signal) => this.#send(call, signal));
    this.#signal.throwIfAborted();
    if (call.operation.startsWith('delete') && isGone(trial)) this.#made.delete(call.path);
    // Refused before a byte of it was taken: nothing of ours is there, unless it was there before.
    if (trial.result === 'refused' && call.operation === 'upload' && this.#rights.get('upload') === undefined) this.#made.delete(call.path);
    return trial;
  }

  async #send(call: Call, signal: AbortSignal): Promise<Trial & { readonly missing?: boolean }> {
    try {
      const reply = await this.#parts.api.call(call, signal);
      if (reply.kind === 'answer') {
        await reply.answer.discard();
        return granted;
      }
      return { ...refusal(reply), missing: reply.error.errno === 'ENOENT' };
    } catch (error) {
      return failure(error);
    }
  }

  #bounded<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#signal.throwIfAborted();
    return work(AbortSignal.any([this.#signal, AbortSignal.timeout(this.#options.deadline)]));
  }

  /** A trial that fails does not end the others; the person's interrupt does. */
  readonly #unlessAborted = (error: unknown): undefined => {
    if (this.#signal.aborted) throw new FsError('EINTR', 'interrupted', { cause: error });
    return undefined;
  };
}

/** Bytes that a file must have for a part of it to be asked for. */
const smallestReadable = 4;

/** A file to read, and what is in it where that is known. */
interface TriedFile {
  readonly path: string;
  readonly size: number;
  readonly content?: Buffer;
}

function upload(path: string, content: Buffer): Call {
  return {
    operation: 'upload', method: 'POST', route: '/user/files/upload', path, headers: { 'content-type': 'application/octet-stream' },
    body: content, lane: 'transfer', answerWithin: 'server', accept: [201], idempotent: true,
  };
}

function deletion(path: string, kind: 'file' | 'folder'): Call {
  return kind === 'file'
    ? { operation: 'delete file', method: 'DELETE', route: '/user/files', path, accept: [200], idempotent: true }
    : { operation: 'delete folder', method: 'DELETE', route: '/user/dirs', path, accept: [200], idempotent: true };
}

function twoPaths(operation: 'move' | 'copy', path: string, target: string): Omit<Call, 'route'> {
  return { operation, method: 'POST', path, target, answerWithin: 'server', accept: [200], idempotent: false };
}

function isGone(trial: Trial & { readonly missing?: boolean }): boolean {
  return trial.result === 'granted' || trial.missing === true;
}

/** Of a right that the account lacks, and of a service that the operator does not offer. */
function refusal({ error, lacks }: { readonly error: FsError; readonly lacks?: Lack | undefined }): Trial {
  const refused = lacks !== undefined || error.errno === 'EACCES' || error.errno === 'EPERM';
  return { result: refused ? 'refused' : 'failed', said: plainWords(error.message) };
}

function failure(error: unknown): Trial {
  const { errno, message } = toFsError(error);
  return { result: 'failed', said: errno === 'EINTR' ? 'no answer came in time' : plainWords(message) };
}

function notTried(why: string): Trial {
  return { result: 'not tried', why };
}
