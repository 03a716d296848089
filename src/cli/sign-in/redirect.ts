/**
 * Where the browser brings the platform's answer: a server on this machine's own address, for as long
 * as the sign-in takes, that takes one answer. What comes with another state than ours is another's,
 * or an attack, and changes nothing. (RFC 8252)
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { CommandError } from '../exit-status.js';

export interface Redirect {
  /** With the port that was found. */
  readonly uri: string;
  /** Calls for each answer that a browser brings, until one is taken: by answering true. */
  onAnswer(take: (parameters: URLSearchParams) => boolean): void;
  close(): Promise<void>;
}

/** `wanted`: the address as the platform knows it; without a port any free one is taken. A usage error where it cannot be listened on. */
export async function openRedirect(wanted: URL): Promise<Redirect> {
  let take: ((parameters: URLSearchParams) => boolean) | undefined;
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', wanted);
    if (request.method !== 'GET' || url.pathname !== wanted.pathname) {
      answer(response, 404, 'There is nothing here.');
    } else if (take?.(url.searchParams) === true) {
      take = undefined;
      answer(response, 200, 'Amarre has the answer. You can close this window and go back to the terminal.');
    } else {
      answer(response, 400, 'This is not the answer to a sign-in that Amarre has begun.');
    }
  };
  const server = createServer({ requestTimeout: 10_000, maxHeaderSize: 32 * 1024 }, handle);
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', (error) => reject(new CommandError('usage', `--redirect ${wanted.href}: ${error.message}`, { cause: error })));
    server.listen({ host: '127.0.0.1', port: wanted.port === '' ? 0 : Number(wanted.port), exclusive: true }, () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('the server has no port'));
      else resolve(address.port);
    });
  });
  const uri = new URL(wanted);
  uri.port = String(port);
  return {
    uri: uri.href,
    onAnswer: (taker) => {
      take = taker;
    },
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeIdleConnections();
      // The browser has its page by then, or will not ask for it.
      setTimeout(() => server.closeAllConnections(), 1_000).unref();
    }),
  };
}

/** Nothing of what came is repeated, and nobody is told where the window was. */
function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'connection': 'close',
    'content-security-policy': "default-src 'none'",
  });
  response.end(`<!doctype html><title>Amarre</title><p>${text}</p>\n`);
}
