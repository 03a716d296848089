/** `amarre emulate`: a platform as a small server on this machine, for trying things out and for tests. */
import { once } from 'node:events';
import type { Command } from './command.js';
import { CommandError, exitStatuses } from './exit-status.js';
import { emulateSchema, readOptions } from './options.js';

export const emulateCommand: Command = {
  usage: 'emulate <platform>',
  describe: 'Serve an emulated platform until SIGTERM or Ctrl-C; prints one line of JSON that says how to mount it',
  words: { platform: 'Which platform: sftpgo' },
  options: emulateSchema,
  examples: [['amarre emulate sftpgo --root /srv/files --latency 50', 'an SFTPGo over /srv/files, 50 ms away']],
  run: runEmulate,
};

async function runEmulate(written: Readonly<Record<string, unknown>>): Promise<number> {
  const settings = readOptions(emulateSchema, written);
  const platform = String(written['platform']);
  if (platform !== 'sftpgo') throw new CommandError('usage', `${platform}: no emulator for this platform; there is sftpgo`);
  const signalled = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  // Here and not above: a mount has no use for an HTTP server in its memory.
  const { startEmulator } = await import('../emulators/start.js');
  const emulator = await startEmulator(platform, {
    root: settings.root,
    port: settings.port,
    latencyMs: settings.latency,
    uploadMode: settings['upload-mode'],
    quotaBytes: settings.quota,
    maxSessions: settings['max-sessions'],
    maxPerHost: settings['max-per-host'],
    tokenLifetimeS: settings['token-lifetime'] / 1000,
    defender: settings.defender,
    rateLimiter: settings['rate-limit'],
    refuseOthers: settings['refuse-others'],
    users: {
      u: {
        rights: settings.rights,
        folderRights: Object.fromEntries(settings['folder-rights']),
        secondFactor: settings['second-factor'],
      },
    },
  }).catch((error: unknown) => {
    throw new CommandError('usage', error instanceof Error ? error.message : String(error), { cause: error });
  });
  process.stdout.write(`${JSON.stringify(emulator.announcement)}\n`);
  await signalled;
  await emulator.close();
  return exitStatuses.ok.status;
}
