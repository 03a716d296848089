/** Stages files and waits to be killed: one was kept, one was being written, one was sent. */
import { silentLog } from '../../src/observe/log.js';
import { openStaging, type StagingNote } from '../../src/storage/staging.js';

const staging = await openStaging({ folder: process.argv[2] ?? '', instance: 'killed00001', isDead: () => false, log: silentLog() });
const note = (path: string, state: StagingNote['state'], size: number): StagingNote => (
  { path, state, size, modified: 1000, base: 'v1', missing: [], reason: 'because' }
);
const large = Buffer.alloc(3_000_000, 'k');

const kept = staging.create(() => note('/kept', 'writing', 0));
await kept.write(0, large);
await kept.keep(note('/kept', 'kept', large.length));

const written = staging.create(() => note('/written', 'writing', 0));
await written.write(0, large);
await written.write(large.length, Buffer.from('end'));

const sent = staging.create(() => note('/sent', 'writing', 0));
await sent.write(0, large);
await sent.discard();

process.stdout.write('ready\n');
setInterval(() => undefined, 1000);
