/**
 * A tunnel through a proxy: CONNECT, and behind its 200 the socket is the platform's. A refusal is
 * the proxy's own word, often a page, and must not pass for the platform's.
 */
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { FsError } from '../errors.js';
import { isPage, pageWords, plainWords } from './answer-words.js';
import type { Proxy } from './proxies.js';

/** Longest page of a refusal that is read, in bytes. */
const longestPage = 16 * 1024;
/** How long the rest of such a page is waited for, in milliseconds. */
const pagePatience = 500;

/**
 * Asks the proxy at the other end of `socket` for a way to `authority` (`host:port`). Resolves when
 * the socket leads there. EIO in words where the proxy refuses; whatever broke the socket else.
 */
export function openTunnel(socket: Socket, proxy: Proxy, authority: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asking = request({
      method: 'CONNECT', path: authority, createConnection: () => socket,
      headers: { host: authority, ...(proxy.authorization === undefined ? {} : { 'proxy-authorization': proxy.authorization }) },
    });
    asking.on('error', reject);
    asking.on('response', (answer) => {
      answer.destroy(new Error('the proxy answered without a tunnel'));
    });
    asking.on('connect', (answer, _socket, head) => {
      asking.off('error', reject);
      const status = answer.statusCode ?? 0;
      if (status >= 200 && status < 300) {
        if (head.length > 0) socket.unshift(head);
        resolve();
        return;
      }
      void readPage(socket, head).then((page) => {
        socket.destroy();
        reject(proxyRefusal(new URL(proxy.origin).host, authority, status, answer.headers['content-type'], page));
      });
    });
    asking.end();
  });
}

/** EIO: what a proxy's refusal to tunnel means. It may pass only where the proxy itself could not get through. */
export function proxyRefusal(host: string, authority: string, status: number, contentType: string | undefined, page: string): FsError {
  const words = isPage(contentType, page) ? pageWords(page) : plainWords(page);
  const said = `(status ${status}${words === '' ? '' : `: "${words}"`})`;
  if (status === 407) {
    return new FsError('EIO', `the proxy ${host} wants another sign-in than it was given ${said}: HTTPS_PROXY=http://user:password@${host}`);
  }
  const passing = status === 408 || status === 429 || status >= 500;
  return passing
    ? new FsError('EIO', `the proxy ${host} did not get through to ${authority} ${said}`, { retryable: true })
    : new FsError('EIO', `the proxy ${host} refuses the way to ${authority} ${said}; NO_PROXY names servers that are reached without it`);
}

function readPage(socket: Socket, head: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const pieces = [head];
    let length = head.length;
    const done = (): void => {
      clearTimeout(timer);
      resolve(Buffer.concat(pieces).toString('utf8'));
    };
    const timer = setTimeout(done, pagePatience);
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece);
      length += piece.length;
      if (length >= longestPage) done();
    });
    socket.on('error', done);
    socket.on('close', done);
    socket.resume();
  });
}
