/**
 * A long line to a server on this machine: what comes back is late by so many milliseconds, and nothing
 * is slower for it, so that both contestants of a comparison are as far from their servers.
 *
 *     npx tsx scripts/bench/line.ts PORT MILLISECONDS
 *
 * Prints the port that it listens on, and serves until it is killed.
 */
import { connect, createServer, type Socket } from 'node:net';

const [port = 0, delay = 0] = process.argv.slice(2).map(Number);

/** Hands on what `from` sends, each piece `delay` later; a limit on what is on its way keeps memory small. */
function carry(from: Socket, to: Socket): void {
  let underWay = 0;
  const later = (work: () => void) => void setTimeout(work, delay);
  from.on('data', (piece: Buffer) => {
    underWay += piece.length;
    if (underWay > 64 * 2 ** 20) from.pause();
    later(() => {
      underWay -= piece.length;
      from.resume();
      if (to.writable) to.write(piece);
    });
  });
  from.on('end', () => later(() => to.end()));
  from.on('close', () => later(() => to.destroy()));
  from.on('error', () => undefined);
}

const line = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const server = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  client.on('error', () => undefined);
  client.on('close', () => server.destroy());
  client.pipe(server);
  carry(server, client);
});
line.listen(0, '127.0.0.1', () => {
  const address = line.address();
  process.stdout.write(`${address !== null && typeof address === 'object' ? address.port : ''}\n`);
});
