/**
 * Whether a client on this machine is still there. A server that does not read cannot know it: what
 * the client sent lies in the kernel, and the end of it behind. While a test lets a request stand
 * still, the client's own entry in the kernel's table tells instead.
 */
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';

/** How often clients are looked for, in milliseconds. */
const every = 200;

/** Those looked for now. The tables are read once for all: the kernel walks through all that it has for each reading. */
const watched = new Set<Socket>();
let timer: NodeJS.Timeout | undefined;
let looking = false;

/** Destroys the socket as soon as its client is gone. Returns what ends the watch. */
export function watchClient(socket: Socket): () => void {
  watched.add(socket);
  timer ??= setInterval(() => void look(), every).unref();
  return () => {
    watched.delete(socket);
    if (watched.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

async function look(): Promise<void> {
  if (looking) return;
  looking = true;
  try {
    const asked = [...watched];
    const open = await openConnections();
    for (const socket of asked) if (open !== undefined && watched.has(socket) && isClientGone(socket, open)) socket.destroy();
  } finally {
    looking = false;
  }
}

/** `port:port`, own and peer's, of the connections that some process of this machine has open. Undefined where nobody can tell. */
async function openConnections(): Promise<ReadonlySet<string> | undefined> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'latin1').catch(() => '')));
  if (tables.every((text) => text === '')) return undefined;
  // Columns: number, own address:port, peer's address:port, state, queues, timer, retransmits, user, time-out, inode.
  const row = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) \S+ \S+ \S+ \S+ +\d+ +\d+ (\d+)/gm;
  const rows = tables.flatMap((text) => [...text.matchAll(row)]);
  return new Set(rows.filter(([, , , inode]) => inode !== '0').map(([, own, peer]) => `${own ?? ''}:${peer ?? ''}`));
}

/** True where the client has closed its socket: it is in no process any more. False where nobody can tell. */
function isClientGone({ remotePort, localPort, remoteAddress, localAddress }: Socket, open: ReadonlySet<string>): boolean {
  // The peer's entry is in this machine's table only where the peer is this machine.
  if (remotePort === undefined || localPort === undefined || remoteAddress !== localAddress) return false;
  const port = (number: number): string => number.toString(16).toUpperCase().padStart(4, '0');
  return !open.has(`${port(remotePort)}:${port(localPort)}`);
}
