/**
 * Whether a client on this machine is still there. A server that does not read cannot know it: what
 * the client sent lies in the kernel, and the end of it behind. While a test lets a request stand
 * still, the client's own entry in the kernel's table tells instead.
 */
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';

/** How often a client is looked for, in milliseconds. */
const every = 200;

/** True where the client has closed its socket: it is in no process any more. False where nobody can tell. */
export async function isClientGone(socket: Socket): Promise<boolean> {
  const { remotePort, localPort, remoteAddress, localAddress } = socket;
  // The peer's entry is in this machine's table only where the peer is this machine.
  if (remotePort === undefined || localPort === undefined || remoteAddress !== localAddress) return false;
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'latin1').catch(() => '')));
  if (tables.every((text) => text === '')) return false;
  const port = (number: number): string => number.toString(16).toUpperCase().padStart(4, '0');
  // Columns: number, own address:port, peer's address:port, state, queues, timer, retransmits, user, time-out, inode.
  const own = tables.flatMap((text) => text.split('\n')).map((line) => line.trim().split(/\s+/))
    .find(([, local = '', remote = '']) => local.endsWith(`:${port(remotePort)}`) && remote.endsWith(`:${port(localPort)}`));
  return own === undefined || own[9] === '0';
}

/** Destroys the socket as soon as its client is gone. Returns what ends the watch. */
export function watchClient(socket: Socket): () => void {
  const timer = setInterval(() => {
    void isClientGone(socket).then((gone) => {
      if (gone) socket.destroy();
    });
  }, every);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
