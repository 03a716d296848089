/** An emulator over an empty folder for one test, and a client of it; both gone at the test's end. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { RunningSftpgo } from '../../../src/emulators/sftpgo/server.js';
import { startEmulator, type SftpgoOptions } from '../../../src/emulators/start.js';
import { Client } from './client.js';

export interface Staged {
  readonly emulator: RunningSftpgo;
  readonly client: Client;
  /** The folder served. */
  readonly root: string;
}

export async function staged(options: SftpgoOptions = {}): Promise<Staged> {
  const root = await mkdtemp(join(tmpdir(), 'emulator-'));
  const emulator = await startEmulator('sftpgo', { root, ...options });
  const client = new Client(emulator.announcement.url);
  onTestFinished(async () => {
    client.close();
    await emulator.close();
    await rm(root, { recursive: true, force: true });
  });
  return { emulator, client, root };
}
