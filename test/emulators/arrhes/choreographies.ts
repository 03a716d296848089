/** Lines of the record that are more than a request on what lay there: what was sent before, or how it was sent. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { WireAnswer } from '../wire.js';
import { idOf } from './record.js';
import type { Stage } from './stage.js';

type Choreography = (stage: Stage) => Promise<WireAnswer>;

const zeros = Buffer.alloc(50_000_000);

export const choreographies: Readonly<Record<string, Choreography>> = {
  'api-049': (stage) => stage.send({ headers: { ...stage.line.request.headers, 'Transfer-Encoding': 'chunked' } }),
  'api-095': async (stage) => {
    await stage.api('PATCH', `folders/${idOf('D')}`, { name: 'D2' });
    await stage.api('PATCH', `folders/${idOf('E')}`, { idFolderParent: idOf('D') });
    await stage.api('PATCH', `folders/${idOf('D')}`, { idFolderParent: idOf('E') });
    return stage.send();
  },
  'api-101': afterDeleteOfD,
  'api-102': afterDeleteOfD,
  'api-103': afterDeleteOfD,
  'api-105': afterDeleteOfD,
  'api-121': async (stage) => {
    await stage.ask('upload-url', 5);
    return stage.send();
  },
  'api-123': async (stage) => {
    await stage.put('hello', 'text/plain');
    return stage.send();
  },
  'api-125': async (stage) => {
    await stage.put('hello', 'text/plain');
    return stage.send();
  },
  'api-126': async (stage) => {
    await stage.finalize();
    return stage.send();
  },
  'api-133': async (stage) => {
    const url = await stage.ask('download-url');
    await stage.put('version', 'application/pdf');
    return stage.send({ url });
  },
  'api-134': async (stage) => {
    await stage.put('version', 'application/pdf');
    return stage.send();
  },
  'api-135': async (stage) => {
    const url = await stage.url();
    await stage.send({ url, body: 'version' });
    return stage.send({ url });
  },
  'api-141': async (stage) => {
    const url = await stage.url();
    await stage.send({ url });
    return stage.send({ url });
  },
  'api-142': async (stage) => {
    const url = await stage.url();
    await stage.raw('DELETE', await stage.ask('delete-url'), {});
    return stage.send({ url });
  },
  'api-143': afterDeleteOfObject,
  'api-145': afterDeleteOfObject,
  'api-147': afterDelete,
  'api-149': afterDelete,
  'api-151': async (stage) => {
    const url = await stage.url();
    await stage.api('DELETE', `files/${stage.id}`);
    return stage.send({ url });
  },
  'api-153': afterDelete,
  'api-157': async (stage) => {
    await stage.put('', 'application/octet-stream');
    return stage.send();
  },
  'api-165': async (stage) => {
    await stage.put('abc');
    return stage.send();
  },
  'api-167': async (stage) => {
    await stage.put('abc', 'text/html; charset=utf-8');
    return stage.send();
  },
  'api-170': async (stage) => {
    await stage.put(zeros, 'a/b');
    return stage.send();
  },
  'more-002': async (stage) => {
    await save(stage, 3);
    return stage.send({ method: 'GET', path: '/organizations/<org>' });
  },
  'more-003': async (stage) => {
    await save(stage, 3);
    await stage.api('DELETE', `files/${idOf('fileS')}`);
    return stage.send({ method: 'GET', path: '/organizations/<org>' });
  },
  'more-007': (stage) => stage.send({ method: 'GET', path: '/organizations/<org>/years' }),
  's3-versitygw-004': async (stage) => stage.send({ url: await stage.ask('upload-url', 5) }),
  's3-versitygw-013': forged,
  's3-versitygw-014': async (stage) => stage.send({ url: (await stage.url()).replace('X-Amz-Expires=60', 'X-Amz-Expires=600') }),
  's3-versitygw-018': async (stage) => {
    const wire = await stage.begin('PUT', await stage.ask('upload-url', 5), { 'Content-Length': '5' });
    wire.send('he');
    wire.close();
    while ((await stage.emulator.control.log()).find(({ route }) => route === 'store-put')?.end !== 'broken') await sleep(5);
    return stage.send();
  },
  's3-versitygw-052': (stage) => stage.send({ headers: { 'If-Unmodified-Since': 'Mon, 01 Jan 2001 00:00:00 GMT' } }),
  's3-versitygw-053': async (stage) => stage.send({ url: `${await stage.url()}&response-content-type=text%2Fhtml` }),
  's3-versitygw-054': forged,
  's3-versitygw-056': async (stage) => {
    const url = await stage.url();
    await stage.put('9876543210'.repeat(10), 'application/pdf');
    return stage.send({ url });
  },
  's3-versitygw-057': async (stage) => {
    await stage.put('9876543210'.repeat(10), 'application/pdf');
    return stage.send();
  },
  's3-versitygw-060': expired(2000),
  's3-versitygw-061': expired(2000),
  's3-versitygw-062': expired(2000),
  's3-versitygw-064': async (stage) => {
    const url = await stage.url();
    await stage.emulator.control.advance(54_000);
    const wire = await stage.begin('PUT', url, stage.line.request.headers);
    wire.send('slow');
    while ((await stage.emulator.control.state()).counts['store-put'] === undefined) await sleep(5);
    await stage.emulator.control.advance(10_000);
    wire.send('body');
    const answer = await wire.answer('PUT');
    wire.close();
    return answer;
  },
  's3-versitygw-065': expired(64_000),
  's3-versitygw-066': expired(64_000),
};

async function afterDeleteOfD(stage: Stage): Promise<WireAnswer> {
  await stage.api('DELETE', `folders/${idOf('D')}`);
  return stage.send();
}

async function afterDelete(stage: Stage): Promise<WireAnswer> {
  await stage.api('DELETE', `files/${stage.id}`);
  return stage.send();
}

async function afterDeleteOfObject(stage: Stage): Promise<WireAnswer> {
  await stage.raw('DELETE', await stage.ask('delete-url'), {});
  return stage.send();
}

async function forged(stage: Stage): Promise<WireAnswer> {
  const url = await stage.url();
  return stage.send({ url: url.replace(/(X-Amz-Signature=)(.)/u, (_match, name: string, first: string) => `${name}${first === '0' ? '1' : '0'}`) });
}

function expired(ms: number): Choreography {
  return async (stage) => {
    const url = await stage.url();
    await stage.emulator.control.advance(ms);
    return stage.send({ url });
  };
}

/** Saves a document of 1000 bytes, so many times. */
async function save(stage: Stage, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await stage.put('s'.repeat(1000));
    await stage.finalize();
  }
}
