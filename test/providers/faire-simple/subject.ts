/** A faire-simple provider on an emulator of its own. */
import { onTestFinished } from 'vitest';
import { startEmulator, type FaireSimpleOptions, type RunningFaireSimple } from '../../../src/emulators/start.js';
import { openProvider } from '../../../src/providers/open.js';
import type { Provider } from '../../../src/providers/provider.js';
import { parseRemote } from '../../../src/providers/remote.js';
import type { Credentials, ProviderSettings } from '../../../src/providers/settings.js';
import { collectingLog, type LogLine } from '../../support/collecting-log.js';
import { contentOf, never, testSettings } from '../subject.js';

/** Looks like nothing else, and changes in a URL: what shows of it anywhere is found. */
export const key = 'clef/secrète+1';
export const password = 'mot de passe';

/** The second half of 2026. */
const now = (): number => Date.UTC(2026, 10, 22);

export interface Staged {
  readonly provider: Provider;
  readonly emulator: RunningFaireSimple;
  readonly log: readonly LogLine[];
  readonly another: (credentials: Credentials, settings?: Partial<ProviderSettings>) => Provider;
  /** What `echo text > path` sends. */
  readonly write: (path: string, text: string) => Promise<unknown>;
  /** Requests by route since the emulator was last asked. */
  readonly asked: () => Promise<Readonly<Record<string, number>>>;
}

export async function staged(options: { readonly emulator?: FaireSimpleOptions; readonly settings?: Partial<ProviderSettings> } = {}): Promise<Staged> {
  const emulator = await startEmulator('faire-simple', { partners: 12, feedBytes: 10_000, key, password, now, ...options.emulator });
  onTestFinished(() => emulator.close());
  const { log, lines } = collectingLog();
  const another = (credentials: Credentials, settings: Partial<ProviderSettings> = {}): Provider => {
    const opened = openProvider(parseRemote(emulator.announcement.remote), credentials, { ...testSettings, ...options.settings, ...settings }, log);
    onTestFinished(() => opened.close());
    return opened;
  };
  const provider = another({ apiKey: key, password });
  return {
    provider, emulator, another, log: lines,
    write: (path, text) => provider.write({ path }, contentOf(Buffer.from(text)), { modified: 0 }, never),
    asked: async () => {
      const { counts } = await emulator.control.state();
      await emulator.control.resetCounts();
      return counts;
    },
  };
}
