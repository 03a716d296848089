import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canReceiveDescriptors, descriptorIn, DescriptorSocket } from '../../../src/fuse/mount/descriptor-socket.js';

/** Control data as the kernel lays it out: length of one word, level, type, descriptor. */
function control(wordSize: number, [length, level, type, descriptor]: readonly [number, number, number, number]): Uint8Array {
  const bytes = Buffer.alloc(24);
  bytes.writeUInt32LE(length, 0);
  bytes.writeInt32LE(level, wordSize);
  bytes.writeInt32LE(type, wordSize + 4);
  bytes.writeInt32LE(descriptor, wordSize + 8);
  return bytes;
}

describe('the descriptor in control data', () => {
  it.each([
    ['with words of 64 bits', control(8, [20, 1, 1, 21]), 8, 21],
    ['with words of 32 bits', control(4, [16, 1, 1, 7]), 4, 7],
    ['that are none of a descriptor', control(8, [20, 1, 2, 21]), 8, undefined],
    ['of another level', control(8, [20, 0, 1, 21]), 8, undefined],
    ['that end before it', control(8, [16, 1, 1, 21]), 8, undefined],
    ['that are empty', new Uint8Array(0), 8, undefined],
  ])('%s', (_, bytes, wordSize, descriptor) => {
    expect(descriptorIn(bytes, wordSize)).toBe(descriptor);
  });

  it('is read where its bytes lie, in the middle of others', () => {
    const bytes = Buffer.concat([Buffer.alloc(8, 0xff), control(8, [20, 1, 1, 21])]);
    expect(descriptorIn(bytes.subarray(8), 8)).toBe(21);
  });
});

describe('a descriptor socket', () => {
  it('has koffi', async () => {
    expect(await canReceiveDescriptors()).toBe(true);
  });

  it('hands its far end to a child as an open descriptor, and answers at once where nothing was sent', async () => {
    const socket = await DescriptorSocket.open();
    const { far } = socket;
    const child = spawn('readlink', ['/proc/self/fd/3'], { stdio: ['ignore', 'pipe', 'inherit', far] });
    let said = '';
    child.stdout?.on('data', (data: Buffer) => (said += data.toString()));
    await once(child, 'close');
    expect(said).toBe(`${readlinkSync(`/proc/self/fd/${far}`)}\n`);
    expect(socket.receive()).toBeUndefined();
    socket.close();
    expect(existsSync(`/proc/self/fd/${far}`) && readlinkSync(`/proc/self/fd/${far}`)).not.toBe(said.trim());
  });

  it('takes no descriptor from what is only data', async () => {
    const socket = await DescriptorSocket.open();
    const child = spawn('sh', ['-c', 'printf x >&3'], { stdio: ['ignore', 'inherit', 'inherit', socket.far] });
    await once(child, 'close');
    expect(socket.receive()).toBeUndefined();
    socket.close();
  });

  it('keeps both ends from programs that are not given one', async () => {
    const socket = await DescriptorSocket.open();
    const child = spawn('ls', ['-l', '/proc/self/fd'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (data: Buffer) => (said += data.toString()));
    await once(child, 'close');
    expect(said).not.toContain(readlinkSync(`/proc/self/fd/${socket.far}`));
    socket.close();
  });
});
