/** An Arrhes provider on an emulator without documents, with the accountant's view of it. */
import type { ArrhesOptions } from '../../../src/emulators/arrhes/options.js';
import { startArrhes, type RunningArrhes } from '../../../src/emulators/arrhes/server.js';
import { openProvider } from '../../../src/providers/open.js';
import type { Provider } from '../../../src/providers/provider.js';
import { parseRemote } from '../../../src/providers/remote.js';
import type { Credentials, ProviderSettings } from '../../../src/providers/settings.js';
import { collectingLog, type LogLine } from '../../support/collecting-log.js';
import { testSettings, type Subject } from '../subject.js';
import { Office, OfficeClock } from './office.js';

export interface SubjectOptions {
  readonly emulator?: ArrhesOptions;
  readonly credentials?: Credentials;
  readonly settings?: Partial<ProviderSettings>;
  /** Other than what the emulator announces. */
  readonly remote?: (announced: string) => string;
}

export interface ArrhesSubject extends Subject {
  readonly emulator: RunningArrhes;
  readonly backstage: Office;
  readonly clock: OfficeClock;
  readonly log: readonly LogLine[];
  /** Another provider on the same server. */
  readonly another: (options?: SubjectOptions) => Provider;
}

export async function startSubject(options: SubjectOptions = {}): Promise<ArrhesSubject> {
  const clock = new OfficeClock();
  // The store keeps connections and refuses a key that is shown to it, as the strictest of the stores do.
  const emulator = await startArrhes({
    folders: [], files: [], refusesAuthorization: true, storeKeepsAlive: true, now: () => clock.now(), ...options.emulator,
  });
  const { log, lines } = collectingLog();
  const opened: Provider[] = [];
  const another = (more: SubjectOptions = {}): Provider => {
    const { credentials, settings, remote } = { ...options, ...more };
    const announced = emulator.announcement.remote;
    const provider = openProvider(
      parseRemote(remote?.(announced) ?? announced), credentials ?? { apiKey: emulator.key }, { ...testSettings, ...settings }, log,
    );
    opened.push(provider);
    return provider;
  };
  return {
    provider: another(),
    ownTimes: true,
    another,
    emulator,
    clock,
    log: lines,
    backstage: new Office(emulator, clock, options.emulator?.prefix),
    close: async () => {
      await Promise.all(opened.map((provider) => provider.close()));
      await emulator.close();
    },
  };
}
