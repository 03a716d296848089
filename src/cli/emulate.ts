/** `amarre emulate`: a platform as a small server on this machine, for trying things out and for tests. */
import { once } from 'node:events';
import type { Announcement } from '../emulators/start.js';
import type { Command } from './command.js';
import { emulateSchema, emulatorSchemas } from './emulator-options.js';
import { CommandError, exitStatuses } from './exit-status.js';
import { optionTexts, readOptions, writtenName } from './options.js';

export const emulateCommand: Command = {
  words: { platform: 'Which platform: sftpgo, netexplorer, arrhes or faire-simple' },
  options: emulateSchema,
  examples: [
    ['amarre emulate sftpgo --root /srv/files --latency 50', 'an SFTPGo over /srv/files, 50 ms away'],
    ['amarre emulate netexplorer --surprise nameExists=renamed --surprise sizeMissing=true', 'a NetExplorer with two of its surprises'],
    ['amarre emulate arrhes --awkward --url-life 5s', 'an Arrhes with doubles and circles, whose URLs live 5 seconds'],
  ],
  run: runEmulate,
};

type Written = Readonly<Record<string, unknown>>;

/** What the command needs of an emulator that runs. */
interface Running {
  readonly announcement: Announcement;
  close(): Promise<void>;
}

async function runEmulate(written: Written): Promise<number> {
  const start = starterFor(String(written['platform']), written);
  const signalled = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  const emulator = await start().catch((error: unknown) => {
    throw new CommandError('usage', error instanceof Error ? error.message : String(error), { cause: error });
  });
  process.stdout.write(`${JSON.stringify(emulator.announcement)}\n`);
  await signalled;
  await emulator.close();
  return exitStatuses.ok.status;
}

/** Reads the platform's options, all of them before anything starts. */
function starterFor(platform: string, written: Written): () => Promise<Running> {
  switch (platform) {
    case 'sftpgo': return startSftpgo(written);
    case 'arrhes': return startArrhes(written);
    case 'faire-simple': return startFaireSimple(written);
    case 'netexplorer': return startNetexplorer(written);
    default: {
      const known = Object.keys(emulatorSchemas).join(', ');
      throw new CommandError('usage', `${platform}: no emulator for this platform; there are ${known}`);
    }
  }
}

/** An option that only another platform has does nothing here: better said than passed over. */
function refuseForeign(platform: keyof typeof emulatorSchemas, written: Written): void {
  const own = new Set(Object.keys(emulatorSchemas[platform].shape));
  const foreign = optionTexts(emulateSchema).find(([name, text]) => {
    const value = written[name];
    const isEmpty = value === undefined || (Array.isArray(value) && value.length === 0);
    return !own.has(name) && !isEmpty && value !== text.default;
  });
  if (foreign !== undefined) throw new CommandError('usage', `${writtenName(foreign[0])}: not an option of ${platform}'s emulator`);
}

function startSftpgo(written: Written): () => Promise<Running> {
  refuseForeign('sftpgo', written);
  const settings = readOptions(emulatorSchemas.sftpgo, written);
  return async () => (await emulators()).startEmulator('sftpgo', {
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
  });
}

function startArrhes(written: Written): () => Promise<Running> {
  refuseForeign('arrhes', written);
  const settings = readOptions(emulatorSchemas.arrhes, written);
  return async () => (await emulators()).startEmulator('arrhes', {
    port: settings.port,
    latencyMs: settings.latency,
    uploadUrlLifeS: settings['url-life'] / 1000,
    deleteUrlLifeS: settings['url-life'] / 1000,
    downloadUrlLifeS: settings['download-url-life'] / 1000,
    maxFileBytes: settings['max-file'],
    storageLimitBytes: settings['storage-limit'],
    ocrPages: settings['ocr-pages'],
    ocrDelayMs: settings['ocr-delay'],
    awkward: settings.awkward,
    shuffle: settings.shuffle ? Date.now() : undefined,
    carriesYear: settings['with-year'],
    years: [{ label: '2026', isClosed: settings['closed-year'] }, { label: '2025' }],
    offsetsMinutes: settings.offsets,
  });
}

function startFaireSimple(written: Written): () => Promise<Running> {
  refuseForeign('faire-simple', written);
  const settings = readOptions(emulatorSchemas['faire-simple'], written);
  return async () => (await emulators()).startEmulator('faire-simple', {
    port: settings.port,
    latencyMs: settings.latency,
    feedBytes: settings['feed-size'],
    statusField: settings['status-field'],
  });
}

function startNetexplorer(written: Written): () => Promise<Running> {
  refuseForeign('netexplorer', written);
  const settings = readOptions(emulatorSchemas.netexplorer, written);
  return async () => (await emulators()).startEmulator('netexplorer', {
    root: settings.root,
    port: settings.port,
    latencyMs: settings.latency,
    users: { u: { quotaBytes: settings.quota } },
    signIn: {
      sessionIdleMs: settings['session-idle'],
      sessionLimitMs: settings['session-limit'],
      slots: settings.slots,
      refused: settings['refuse-sign-in'],
    },
    oauth: { consent: settings.consent, pkce: settings.pkce, accessLifeMs: settings['access-life'] },
    links: { form: settings['link-form'] },
    surprises: settings.surprise.reduce((all, one) => ({ ...all, ...one }), {}),
  });
}

/** Here and not above: a mount has no use for an HTTP server in its memory. */
async function emulators() {
  return import('../emulators/start.js');
}
