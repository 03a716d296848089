/**
 * The lines of the record that are more than one request and its answer: what happened before, meanwhile, or on a
 * second connection. Each is named by the line's id and plays what the line's notes say.
 */
import { opendirSync } from 'node:fs';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { SftpgoOptions } from '../../../src/emulators/start.js';
import { basic, json, listed } from './client.js';
import { pattern } from './record.js';
import type { Replayed, SetUpRequest, Stage } from './replaying.js';
import type { Wire, WireAnswer } from '../wire.js';

type Choreography = (stage: Stage) => Promise<Replayed>;

/** The emulator's clock where a line needs one, in milliseconds; set anew by each such line. */
const clock = { ms: Date.now() };

/** Options of the emulator that a line needs. */
export const optionsFor: Readonly<Record<string, SftpgoOptions>> = {
  'token-expired': { tokenLifetimeS: 60, now: () => clock.ms },
  // The record's minute, shortened; that a minute is the default stands in `options.test.ts`.
  'parallel-idle-closed': { idleTimeoutMs: 300 },
  'rights-perdir-list': { users: { perdir: { folderRights: { '/rights-perdir-list/secret': [] } } } },
};

/** What the record leaves out of requests made before. */
export const requestsBefore: Readonly<Record<string, SetUpRequest>> = {
  'mtime-upload-read-back': { headers: { 'x-sftpgo-mtime': '1700000000999' } },
  'mtime-meta-read-back': { body: '{"modification_time":1699913600999}' },
};

export const choreographies: Readonly<Record<string, Choreography>> = {
  'token-ok': async (stage) => tokenObserved(await stage.send()),
  'token-otp-ok': async (stage) => tokenObserved(await stage.send({ '<code>': await stage.emulator.control.oneTimeCode('otp') })),
  'token-otp-reused': async (stage) => {
    const code = { '<code>': await stage.emulator.control.oneTimeCode('otp') };
    await stage.send(code);
    return { answer: await stage.send(code) };
  },
  'token-garbage': async (stage) => ({ answer: await stage.send({ '<token>': 'garbage' }) }),
  'token-apikey-ok': async (stage) => ({ answer: await stage.send({ '<key>': stage.emulator.apiKeys.u }) }),
  'token-apikey-wrong': async (stage) => ({ answer: await stage.send({ '<key id>': stage.emulator.apiKeys.u.split('.')[0] ?? '' }) }),
  'token-logout-reuse': async (stage) => {
    await stage.aside('GET', '/logout');
    return { answer: await stage.send() };
  },
  'token-other-address': async (stage) => ({ answer: await stage.send({}, '127.0.0.2') }),
  'token-admin-audience': async (stage) => {
    const answer = await stage.client.raw({ method: 'GET', path: '/api/v2/token', headers: { authorization: basic('admin') } });
    return { answer: await stage.send({ '<token>': z.object({ access_token: z.string() }).parse(json(answer)).access_token }) };
  },
  'token-password-changed': async (stage) => {
    await stage.client.token(stage.user);
    await stage.emulator.control.changeUser('nokey', { password: 'another' });
    return { answer: await stage.send() };
  },
  'token-user-disabled': async (stage) => {
    await stage.client.token(stage.user);
    await stage.emulator.control.changeUser('nokey', { enabled: false });
    return { answer: await stage.send() };
  },
  'token-expired': async (stage) => {
    clock.ms = Date.UTC(2024, 0, 1);
    await stage.client.token(stage.user);
    clock.ms += (60 + 15) * 1000;
    const { status } = await stage.send();
    clock.ms += 20_000;
    return { answer: await stage.send(), observed: { status_15s_after_expires_at: status } };
  },
  'list-2500': async (stage) => {
    for (let index = 0; index < 2500; index += 1) await writeFile(`${stage.folder}/f${String(index).padStart(5, '0')}`, '');
    const answer = await stage.send();
    const names = namesIn(answer);
    return { answer, observed: { entries: names.length, distinct: new Set(names).size } };
  },
  'list-order': async (stage) => {
    // Spread by a multiplier, so that neither the order of making nor of names is the disk's.
    for (let index = 0; index < 40; index += 1) await writeFile(`${stage.folder}/${((index * 9_973_331) % 0xffffff).toString(16).padStart(6, '0')}`, '');
    const answer = await stage.send();
    const names = namesIn(answer);
    return { answer, observed: { same_as_readdir: names.join() === onDisk(stage.folder).join() } };
  },
  'list-gzip': async (stage) => ({ answer: await stage.send() }),

  'get-replaced-midway': async (stage) => {
    const reading = await startReading(stage);
    await expectStatus(200, stage.aside('POST', '/file-actions/move?path=/get-replaced-midway/g&target=/get-replaced-midway/f'));
    return { answer: await reading() };
  },
  'get-truncated-midway': async (stage) => {
    const reading = await startReading(stage);
    await expectStatus(201, stage.aside('POST', '/files/upload?path=/get-truncated-midway/f', 'new'));
    return { answer: await reading() };
  },
  'get-overwritten-midway': async (stage) => {
    const reading = await startReading(stage);
    await expectStatus(201, stage.aside('POST', '/files/upload?path=/get-overwritten-midway/f', Buffer.alloc(50_331_648, 'N')));
    return { answer: await reading() };
  },

  'upload-chunked': async (stage) => {
    const wire = await stage.begin('5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n');
    return { answer: await wire.answer('POST') };
  },
  'upload-expect': async (stage) => {
    const wire = await stage.begin('');
    await wire.untilInterim();
    const observed = { first_status: wire.interim[0] };
    wire.send('hello');
    return { answer: await wire.answer('POST'), observed };
  },
  'upload-expect-refused': async (stage) => ({ answer: await (await stage.begin('')).answer('POST') }),
  'upload-refused-big': async (stage) => {
    const wire = await stage.begin('');
    const [answer, { sent, brokeOff }] = await Promise.all([wire.answer('POST'), wire.sendZeros(67_108_864)]);
    return {
      answer,
      observed: { sending_broke_off: brokeOff, sent_less_than_32mib: sent < 1 << 25, answer_could_be_read: answer.end === 'complete' },
    };
  },
  'upload-cut-new': cutUpload,
  'upload-cut-overwrite': cutUpload,
  'upload-cut-new-mode1': cutUpload,
  'upload-cut-overwrite-mode1': cutUpload,
  'upload-cut-overwrite-mode2': cutUpload,
  'upload-cut-with-mtime': async (stage) => {
    const wire = await stage.begin('01234');
    wire.endSending();
    return { answer: await wire.answer('POST') };
  },
  'upload-get-in-progress': getInProgress,
  'upload-get-in-progress-mode1': getInProgress,
  'upload-disk-listing-size': async (stage) => {
    const sizes: (number | undefined)[][] = [];
    const wire = await stage.begin('');
    for (let sent = 0; sent < 300_000; sent += 100_000) {
      await untilOnDisk(stage, sent);
      sizes.push((await stage.listed()).map(({ size }) => size));
      wire.send(pattern(100_000, sent));
    }
    return { answer: await wire.answer('POST'), observed: { sizes_listed_after_0_100000_200000_bytes_sent: sizes } };
  },
  'upload-two-at-once': twoUploads,
  'upload-two-at-once-mode1': twoUploads,
  'upload-moved-in-progress': async (stage) => {
    const wire = await stage.begin(pattern(500));
    await untilOnDisk(stage, 500);
    const moved = await stage.aside('POST', '/file-actions/move?path=/upload-moved-in-progress/f&target=/upload-moved-in-progress/g');
    wire.send(pattern(500, 500));
    return { answer: await wire.answer('POST'), observed: { move_status: moved.status } };
  },
  'upload-deleted-in-progress': async (stage) => {
    const wire = await stage.begin(pattern(500));
    await untilOnDisk(stage, 500);
    const deleted = await stage.aside('DELETE', '/files?path=/upload-deleted-in-progress/f');
    wire.send(pattern(500, 500));
    return { answer: await wire.answer('POST'), observed: { delete_status: deleted.status } };
  },

  'rights-perdir-list': async (stage) => {
    const parent = await stage.aside('GET', '/dirs?path=/rights-perdir-list');
    const observed = { parent_listing_status: parent.status, shown_in_parent: namesIn(parent).includes('secret') };
    return { answer: await stage.send(), observed };
  },
  'names-space': nameRoundTrip,
  'names-plus': nameRoundTrip,
  'names-ampersand': nameRoundTrip,
  'names-newline': nameRoundTrip,
  'names-emoji': nameRoundTrip,
  'names-nfd': nameRoundTrip,
  'names-255': nameRoundTrip,
  'names-invalid-utf8-by-listing': async (stage) => ({ answer: await stage.send(), observed: { listed: (await stage.listed())[0]?.name } }),
  'names-backslash-on-disk': async (stage) => ({ answer: await stage.send(), observed: { listed: (await stage.listed()).map(({ name }) => name) } }),

  'parallel-21st': async (stage) => holdingUploads(stage, 20),
  'parallel-max-sessions': async (stage) => holdingUploads(stage, 1),
  'parallel-idle-connections': async (stage) => {
    const request = { ...(await stage.request()), path: '/api/v2/user/dirs?path=/' };
    for (let count = 0; count < 40; count += 1) {
      const wire = await stage.client.wire();
      wire.sendHead(request);
      await wire.answer('GET');
    }
    return { answer: await stage.send() };
  },
  'parallel-keep-alive': async (stage) => {
    const wire = await stage.client.wire();
    const request = await stage.request();
    wire.sendHead(request);
    await wire.answer('GET');
    wire.sendHead(request);
    return { answer: await wire.answer('GET') };
  },
  'parallel-idle-closed': async (stage) => {
    const wire = await stage.client.wire();
    wire.sendHead(await stage.request());
    const answer = await wire.answer('GET');
    await wire.untilClosed();
    return { answer };
  },
};

function namesIn(answer: WireAnswer): string[] {
  return listed(answer).map(({ name }) => name);
}

/** Names in the order of the disk, which only `opendir` keeps. */
function onDisk(folder: string): string[] {
  const names: string[] = [];
  const open = opendirSync(folder);
  for (let entry = open.readSync(); entry !== null; entry = open.readSync()) names.push(entry.name);
  open.closeSync();
  return names;
}

function tokenObserved(answer: WireAnswer): Replayed {
  const { expires_at: end } = z.object({ expires_at: z.string() }).parse(json(answer));
  // Whole seconds: the end may be cut by up to one.
  const lifetime = Math.ceil((Date.parse(end) - Date.now()) / 1000);
  return { answer, observed: { lifetime_s: Math.abs(lifetime - 1200) <= 5 ? 1200 : lifetime, expires_at_form: end.replace(/\d/gu, '9') } };
}

async function expectStatus(status: number, answer: Promise<WireAnswer>): Promise<void> {
  const came = (await answer).status;
  if (came !== status) throw new Error(`status ${String(came)} instead of ${status}`);
}

/** Reads the first bytes of the recorded GET; the returned function reads the rest. */
async function startReading(stage: Stage): Promise<() => Promise<WireAnswer>> {
  const wire = await stage.begin('');
  const head = await wire.head();
  if (head === undefined) throw new Error('no answer');
  const first = await wire.bytes(1000);
  await untilBlocked(stage);
  const length = Number(head.headers['content-length']);
  return async () => {
    const body = Buffer.concat([first, await wire.bytes(length - first.length)]);
    return { ...head, body, end: body.length === length ? 'complete' : 'aborted', interim: wire.interim };
  };
}

/** Resolves when the server sends no more because nobody reads: what it has read of the file by then, it has. */
async function untilBlocked(stage: Stage): Promise<void> {
  for (let sent = -1; ; ) {
    await sleep(100);
    const now = (await stage.emulator.control.log()).find(({ route }) => route === 'get')?.responseBytes ?? 0;
    if (now === sent) return;
    sent = now;
  }
}

/** Resolves when a file of so many bytes is in the exchange's folder, under whatever name. */
async function untilOnDisk(stage: Stage, bytes: number): Promise<void> {
  for (;;) {
    for (const name of await readdir(stage.folder)) if ((await stat(`${stage.folder}/${name}`)).size === bytes) return;
    await sleep(5);
  }
}

/** The first 300,000 bytes of a body, then the client closes its side. */
async function cutUpload(stage: Stage): Promise<Replayed> {
  const wire = await stage.begin(pattern(300_000));
  await untilOnDisk(stage, 300_000);
  const listed = (await stage.listed()).map(({ name, size }) => ({ name, size }));
  wire.endSending();
  return { answer: await wire.answer('POST'), observed: { listing_while_in_progress: listed } };
}

/** Reads the file while 100,000 of its 400,000 bytes have come. */
async function getInProgress(stage: Stage): Promise<Replayed> {
  const wire = await stage.begin(pattern(100_000));
  await untilOnDisk(stage, 100_000);
  const { status, headers, end } = await stage.aside('GET', '/files?path=/upload-get-in-progress/f');
  wire.send(pattern(300_000, 100_000));
  return { answer: await wire.answer('POST'), observed: { get_in_progress: { status, 'content-length': headers['content-length'], end } } };
}

/** Another upload to the same path, whole, between the two halves of this one. */
async function twoUploads(stage: Stage): Promise<Replayed> {
  const wire = await stage.begin(pattern(500));
  await untilOnDisk(stage, 500);
  const other = await stage.aside('POST', '/files/upload?path=/upload-two-at-once/f', 'Z'.repeat(300));
  wire.send(pattern(500, 500));
  const answer = await wire.answer('POST');
  const file = await readFile(`${stage.folder}/f`);
  const mix = Buffer.concat([Buffer.alloc(300, 'Z'), Buffer.alloc(200), pattern(500, 500)]);
  let is = 'something else';
  if (file.equals(mix)) is = '300 Z, 200 zero bytes, bytes 500-999 of the first body';
  if (file.equals(pattern(1000))) is = 'the first body';
  return { answer, observed: { other_status: other.status, file_is: is } };
}

/** Uploads, lists, reads, then moves the file to `moved`, which is what the disk shows after. */
async function nameRoundTrip(stage: Stage): Promise<Replayed> {
  const answer = await stage.send();
  const listed = (await stage.listed()).map(({ name }) => name);
  const path = stage.line.request.path.split('path=')[1] ?? '';
  const got = await stage.aside('GET', `/files?path=${path}`);
  const moved = await stage.aside('POST', `/file-actions/move?path=${path}&target=/${stage.line.id}/moved`);
  const observed = { listed, get_status: got.status, content_disposition: got.headers['content-disposition'], move_status: moved.status };
  return { answer, observed };
}

/** Sends the recorded request while uploads of the same user are held open, then ends them. */
async function holdingUploads(stage: Stage, count: number): Promise<Replayed> {
  const authorization = `Bearer ${await stage.client.token(stage.user)}`;
  const held: Wire[] = [];
  for (let index = 0; index < count; index += 1) {
    const wire = await stage.client.wire();
    const path = `/api/v2/user/files/upload?path=/${stage.line.id}/f${index}`;
    wire.sendHead({ method: 'POST', path, headers: { authorization, 'content-length': '10' } });
    wire.send('01234');
    held.push(wire);
  }
  while ((await stage.emulator.control.state()).inFlight < count || (await readdir(stage.folder)).length < count) await sleep(5);
  const answer = await stage.send();
  const statuses: Record<string, number> = {};
  for (const wire of held) {
    wire.send('56789');
    const { status } = await wire.answer('POST');
    statuses[String(status)] = (statuses[String(status)] ?? 0) + 1;
  }
  return { answer, observed: { held: statuses } };
}
