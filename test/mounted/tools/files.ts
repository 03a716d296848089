/** What the tests of tools make and compare. Everything here lies on the machine's own disk, never on the mount. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { succeed } from '../../support/programs.js';

/** What a comparison of bytes needs, in a form whose difference can be printed. */
export interface Content {
  readonly size: number;
  readonly sha256: string;
}

export function contentOf(bytes: Uint8Array): Content {
  return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

export async function content(path: string): Promise<Content> {
  return contentOf(await readFile(path));
}

export async function text(path: string): Promise<string> {
  return await readFile(path, 'utf8');
}

/** Writes a file of so many random bytes, with the folders above it. */
export async function randomFile(path: string, size: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, randomBytes(size));
}

/** Fails where two trees differ in names, kinds or bytes. Compared by diff: one of them may be on the mount. */
export async function sameTrees(one: string, other: string): Promise<void> {
  await succeed('diff', ['-r', '--no-dereference', one, other], { deadline: 60_000 });
}

/** A tree with folders in folders, an empty one, an empty file, and times that are not now and have fractions. */
export async function sampleTree(top: string, files = 40): Promise<void> {
  for (let i = 0; i < files; i += 1) {
    const path = join(top, `folder ${i % 4}`, i % 3 === 0 ? 'deep/deeper' : '.', `file-${i}.bin`);
    await randomFile(path, i === 0 ? 0 : 37 * i * i);
    await utimes(path, 1_500_000_000 + i, 1_600_000_000.789 + i);
  }
  await mkdir(join(top, 'empty'), { recursive: true });
}

/** An expectation of what no close tells: what the server has once the kernel has told that a file was let go. */
export function soon<Value>(look: () => Promise<Value>) {
  return expect.poll(look, { timeout: 10_000 });
}

/**
 * Measures what a program makes the kernel ask for, in a moment in which nobody on this machine has the
 * kernel let go of all pages (tests and benches do): `look` is called with 0, 1, 2 until one passed undisturbed.
 */
export async function whilePagesStay<Value>(look: (attempt: number) => Promise<Value>): Promise<Value> {
  for (let attempt = 0; ; attempt += 1) {
    const before = await pagesDropped();
    const value = await look(attempt);
    if ((await pagesDropped()) === before) return value;
    if (attempt === 9) throw new Error('somebody has the kernel drop its pages all the time');
  }
}

/** How often since this machine started. */
async function pagesDropped(): Promise<number> {
  const found = /^drop_pagecache (\d+)$/m.exec(await readFile('/proc/vmstat', 'utf8'));
  if (found === null) throw new Error('/proc/vmstat does not count dropped pages');
  return Number(found[1]);
}
