import { describe, expect, it } from 'vitest';
import type { SendResult } from '../../src/fuse/connection.js';
import { Notifier } from '../../src/fuse/notifier.js';
import { encodeExpireEntry, encodeForgetAttributes, encodeInvalidateEntry, encodeInvalidateNode } from '../../src/fuse/protocol/notify.js';
import { collectingLog } from '../support/collecting-log.js';

/** A kernel that takes each notice up when it is told to. */
function slowKernel() {
  const sent: string[] = [];
  const waiting: ((result: SendResult) => void)[] = [];
  const send = (message: readonly Uint8Array[]): Promise<SendResult> => {
    sent.push(Buffer.concat(message).toString('hex'));
    return new Promise((resolve) => waiting.push(resolve));
  };
  const take = async (result: SendResult = 'sent'): Promise<void> => {
    waiting.shift()?.(result);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { sent, waiting, send, take };
}

const hex = (message: readonly Uint8Array[]): string => Buffer.concat(message).toString('hex');

describe('notices', () => {
  it('go one after the other, in order', async () => {
    const kernel = slowKernel();
    const notifier = new Notifier(collectingLog().log);
    notifier.start(kernel.send);
    notifier.invalidateNode(5);
    notifier.invalidateEntry(1, 'é');
    notifier.invalidateNode(6);
    expect(kernel.waiting.length).toBe(1);
    await kernel.take();
    expect(kernel.waiting.length).toBe(1);
    await kernel.take('absent');
    await kernel.take();
    expect(kernel.sent).toEqual([hex(encodeInvalidateNode(5)), hex(encodeInvalidateEntry(1, 'é')), hex(encodeInvalidateNode(6))]);
  });

  it('that still wait are not queued twice; one that is on its way is', async () => {
    const kernel = slowKernel();
    const notifier = new Notifier(collectingLog().log);
    notifier.start(kernel.send);
    for (let times = 0; times < 100; times += 1) {
      notifier.invalidateNode(1);
      notifier.invalidateEntry(1, 'a');
      notifier.invalidateEntry(2, 'a');
    }
    for (let times = 0; times < 10; times += 1) await kernel.take();
    expect(kernel.sent).toEqual([
      hex(encodeInvalidateNode(1)), hex(encodeInvalidateEntry(1, 'a')), hex(encodeInvalidateEntry(2, 'a')), hex(encodeInvalidateNode(1)),
    ]);
  });

  it('that a name is to be looked up anew are known to have come, and keep their place in the queue', async () => {
    const kernel = slowKernel();
    const notifier = new Notifier(collectingLog().log);
    await notifier.expireEntry(1, 'before the start');
    notifier.start(kernel.send);
    const told: string[] = [];
    notifier.invalidateNode(5);
    for (const name of ['a', 'b', 'a']) void notifier.expireEntry(1, name).then(() => told.push(name));
    await kernel.take();
    expect(told).toEqual([]);
    await kernel.take();
    expect(told).toEqual(['a', 'a']);
    // The end of the mount leaves nobody waiting.
    notifier.stop();
    await kernel.take();
    expect(told).toEqual(['a', 'a', 'b']);
    expect(kernel.sent).toEqual([hex(encodeInvalidateNode(5)), hex(encodeExpireEntry(1, 'a')), hex(encodeExpireEntry(1, 'b'))]);
  });

  it('about attributes alone pass those that wait for locks, and are known to have come', async () => {
    const kernel = slowKernel();
    const notifier = new Notifier(collectingLog().log);
    notifier.start(kernel.send);
    notifier.invalidateNode(5);
    let told = false;
    const telling = notifier.forgetAttributes(5).then(() => { told = true; });
    expect(kernel.sent).toEqual([hex(encodeInvalidateNode(5)), hex(encodeForgetAttributes(5))]);
    await kernel.take();
    expect(told).toBe(false);
    await kernel.take();
    await telling;
  });

  it('about attributes of a kernel that has gone are told to nobody', async () => {
    await new Notifier(collectingLog().log).forgetAttributes(5);
  });

  it('wait until the kernel is ready', async () => {
    const kernel = slowKernel();
    const notifier = new Notifier(collectingLog().log);
    notifier.invalidateNode(5);
    expect(kernel.sent).toEqual([]);
    notifier.start(kernel.send);
    await kernel.take();
    expect(kernel.sent).toEqual([hex(encodeInvalidateNode(5))]);
  });

  it('end with the connection, in silence', async () => {
    const { log, lines } = collectingLog();
    const kernel = slowKernel();
    const notifier = new Notifier(log);
    notifier.start(kernel.send);
    notifier.invalidateNode(5);
    notifier.invalidateNode(6);
    await kernel.take('gone');
    notifier.invalidateNode(7);
    expect(kernel.sent.length).toBe(1);
    expect(lines).toEqual([]);
  });

  it('that the kernel refuses are told, and the next goes', async () => {
    const { log, lines } = collectingLog();
    const kernel = slowKernel();
    const notifier = new Notifier(log);
    notifier.start(kernel.send);
    notifier.invalidateNode(5);
    notifier.invalidateNode(6);
    await kernel.take('invalid');
    expect(kernel.sent.length).toBe(2);
    expect(lines).toEqual([expect.objectContaining({ level: 40, msg: 'the kernel refused a notice' })]);
  });
});
