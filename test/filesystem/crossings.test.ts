/** READs and WRITEs of one file at the same time: no READ that fills the kernel's pages misses a WRITE that came before its answer. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { elapse, errnoOf, forBoth, forReading, hold, interruptible, longAgo, mount, settings, turns, type Mount, type OpenedFile } from './harness.js';

let m: Mount;
let writer: OpenedFile;
let reader: OpenedFile;
beforeEach(async () => {
  m = await mount();
  m.platform.put('/a/f', 'content', longAgo);
  writer = await m.open('/a/f', forBoth);
  reader = await m.open('/a/f', forReading);
});
afterEach(async () => { await m.end(); });

/** A WRITE that has arrived and waits for a look at the platform. */
async function waitingWrite(offset: number, text: string) {
  elapse(settings.attrTtl + 1);
  const look = hold(m.platform, 'stat');
  const writing = m.write(writer, offset, text);
  await look.reached;
  return { writing, release: () => { look.release(); } };
}

describe('a READ', () => {
  test('behind a WRITE that waits is answered with its bytes', async () => {
    const write = await waitingWrite(7, ' and more');
    const reading = m.read(reader, 0, 4096);
    await turns();
    write.release();
    expect((await reading).toString()).toBe('content and more');
    await write.writing;
    await m.close(writer);
    await m.close(reader);
  });

  test('that a WRITE overtakes is answered with its bytes', async () => {
    const fetching = hold(m.platform, 'read');
    const reading = m.read(reader, 0, 4096);
    await fetching.reached;
    await m.write(writer, 0, 'CON');
    fetching.release();
    expect((await reading).toString()).toBe('CONtent');
    await m.close(writer);
    await m.close(reader);
  });

  test('of other bytes does not wait', async () => {
    const write = await waitingWrite(4096, 'far');
    expect((await m.read(reader, 0, 4096)).toString()).toBe('content');
    write.release();
    await write.writing;
    await m.close(writer);
    await m.close(reader);
  });

  test('is interrupted while it waits for a WRITE', async () => {
    const write = await waitingWrite(0, 'CON');
    const caller = interruptible();
    const reading = errnoOf(m.read(reader, 0, 4096, caller));
    await turns();
    caller.interrupt();
    expect(await reading).toBe('EINTR');
    write.release();
    await write.writing;
    await m.close(writer);
    await m.close(reader);
  });

  test('is answered although the WRITE before it fails', async () => {
    m.platform.failNext('stat', 'EIO');
    elapse(settings.attrTtl + 1);
    const writing = errnoOf(m.write(writer, 0, 'CON'));
    expect((await m.read(reader, 0, 4096)).toString()).toBe('content');
    expect(await writing).toBe('EIO');
    await m.close(writer);
    await m.close(reader);
  });
});
