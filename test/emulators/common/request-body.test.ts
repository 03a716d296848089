/** How much of a body counts as unread does not depend on how fast it came. */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { Passage } from '../../../src/emulators/common/flow.js';
import { RequestBody } from '../../../src/emulators/common/request-body.js';

const mebi = 1 << 20;

interface Seen {
  readonly unread: number;
  /** Whether all of the rest came within Go's limit. */
  readonly drained: boolean;
}

/** Sends a body; the server takes half, or all and gives half back, and says what it has for unread. */
async function seenOf(body: Buffer, headers: Record<string, string>, takeAll: boolean): Promise<Seen> {
  const half = body.length / 2;
  let seen: Seen | undefined;
  const answer = async (incoming: IncomingMessage, received: RequestBody): Promise<void> => {
    let taken = 0;
    for (const enough = takeAll ? body.length : half; taken < enough;) {
      const pieces = await received.take();
      if (pieces === undefined) break;
      for (const piece of pieces) taken += piece.length;
    }
    if (takeAll && !incoming.complete) await once(incoming, 'end');
    received.giveBack(taken - half);
    seen = { unread: received.unread, drained: await received.drain(mebi / 4) };
  };
  const server = createServer((incoming, response) => {
    const received = new RequestBody(incoming, response, new Passage({ cutAfter: undefined, stalls: [], bytesPerSecond: undefined }, new AbortController().signal));
    void answer(incoming, received).finally(() => response.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const outgoing = request({ port: address.port, host: '127.0.0.1', method: 'POST', headers, agent: false });
  outgoing.on('error', () => undefined);
  outgoing.end(body);
  await once(outgoing, 'response');
  outgoing.destroy();
  server.closeAllConnections();
  server.close();
  if (seen === undefined) throw new Error('the server saw nothing');
  return seen;
}

test.each([['half of it is here', false], ['all of it is here', true]])('of a long body half counts as unread when %s', async (_when, takeAll) => {
  const headers = { 'content-length': String(2 * mebi) };
  expect(await seenOf(Buffer.alloc(2 * mebi), headers, takeAll)).toEqual({ unread: mebi, drained: false });
});

test('of a long body without a length, too', async () => {
  expect(await seenOf(Buffer.alloc(2 * mebi), { 'transfer-encoding': 'chunked' }, true)).toEqual({ unread: mebi, drained: false });
});

test('what is left of a short one is read', async () => {
  const headers = { 'content-length': String(mebi / 4) };
  expect(await seenOf(Buffer.alloc(mebi / 4), headers, true)).toEqual({ unread: mebi / 8, drained: true });
});
