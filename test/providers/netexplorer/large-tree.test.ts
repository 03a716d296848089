/** A tree of 50,000 entries in one answer: memory for one folder at a time. (NetExplorer's page: routes) */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { silentLog } from '../../../src/observe/log.js';
import { startServer } from '../../support/http-server.js';
import { never } from '../subject.js';
import { openAt } from './subject.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const folders = 500;
const files = 99;

/** Collects what nobody holds any more, and says how much is held. */
function heldMemory(): number {
  setFlagsFromString('--expose-gc');
  z.custom<() => void>((value) => typeof value === 'function').parse(runInNewContext('gc'))();
  return process.memoryUsage().heapUsed;
}

async function sendTree(response: ServerResponse): Promise<void> {
  const write = async (text: string): Promise<void> => {
    if (!response.write(text)) await once(response, 'drain');
  };
  const rights = { can_read: true, can_download: true, can_write: true, can_edit: true, can_delete: true, can_share: true, creation: '2024-01-01T00:00:00+01:00', owner: 'Ann', owner_id: 7 };
  await write(`${JSON.stringify({ id: 2, name: 'R', parent_id: 0, ...rights }).slice(0, -1)},"content":{"files":[],"folders":[`);
  for (let at = 0; at < folders; at += 1) {
    const id = 1000 + at * 1000;
    const content = Array.from({ length: files }, (_, file) => ({
      id: id + file + 1, guid: `document-${id + file + 1}`, name: `file number ${file} of folder number ${at}.txt`, parent_id: id, size: file, hash: 'd41d8cd98f00b204e9800998ecf8427e',
      modification: '2024-01-01T00:00:00+01:00', path: `/R/folder ${at}/file number ${file} of folder number ${at}.txt`, nb_versions: 1, lock: null, meta: { text: 'x'.repeat(200) }, ...rights,
    }));
    await write(`${at === 0 ? '' : ','}${JSON.stringify({ id, name: `folder ${at}`, parent_id: 2, ...rights, content: { files: content, folders: [] } })}`);
  }
  response.end(']}}');
}

it('a tree of 50,000 entries comes in one request, and is forgotten folder by folder', async () => {
  const asked: string[] = [];
  const server = await startServer(async (request, response) => {
    const url = request.url ?? '';
    asked.push(url);
    response.setHeader('content-type', 'application/json');
    if (url === '/api/auth') response.end('{"token":"t"}');
    else if (url.startsWith('/api/folders')) response.end('[{"id":2,"name":"R","parent_id":0}]');
    else if (url.startsWith('/api/folder/2?depth=-1')) await sendTree(response);
    else response.writeHead(404).end('{"error":"Introuvable"}');
  });
  cleanUps.push(() => server.close());
  const provider = openAt(server.origin, '/R', {}, silentLog());
  cleanUps.push(() => provider.close());
  await provider.connect(never);
  asked.length = 0;
  const before = heldMemory();
  let most = 0;
  let lists = 0;
  let entries = 0;
  for await (const list of provider.listTree?.({ path: '/' }, never) ?? []) {
    lists += 1;
    entries += list.entries.length;
    if (lists % 100 === 0) most = Math.max(most, heldMemory() - before);
  }
  expect({ lists, entries, requests: asked.length }).toEqual({ lists: folders + 1, entries: folders * (files + 1), requests: 1 });
  // The answer has some 45 MB. What stays is what the drive remembers of the last 20,000 things.
  expect(most).toBeLessThan(26 * 2 ** 20);
}, 60_000);
