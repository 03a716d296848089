/** What the tests of NetExplorer's writing share: a provider that is connected, closed again behind the test, and small tools. */
import type { SeenVersion } from '../../../src/emulators/netexplorer/control.js';
import type { FaultAction } from '../../../src/emulators/common/faults.js';
import { errnoOf } from '../../filesystem/harness.js';
import type { Content, Entry } from '../../../src/providers/provider.js';
import { contentOf, never, someTime } from '../subject.js';
import { useSubjects, type NetexplorerSubject, type SubjectOptions } from './subject.js';

export interface Stage extends NetexplorerSubject {
  readonly write: (path: string, bytes: string | Uint8Array | Content, modified?: number) => Promise<Entry>;
  /** What everybody sees under a name, as text; undefined for nothing. */
  readonly text: (path: string) => Promise<string | undefined>;
  /** Of a path of the remote's folder, newest first. */
  readonly versions: (path: string) => Promise<readonly SeenVersion[]>;
  /** So many requests of a route since the counts were reset. */
  readonly asked: (route: string) => Promise<number>;
  /** Strikes the next request of a route, or the one behind `skip`. */
  readonly strike: (route: string, action: FaultAction, more?: { readonly skip?: number; readonly times?: number }) => Promise<string>;
}

/** Call once in a test file: stages are closed behind each test. */
export function useStages(): (options?: SubjectOptions) => Promise<Stage> {
  const start = useSubjects({ connected: true });
  return async (options) => stageOn(await start(options));
}

function stageOn(subject: NetexplorerSubject): Stage {
  const { provider, backstage, emulator: { control } } = subject;
  return {
    ...subject,
    write: (path, bytes, modified = someTime) =>
      provider.write({ path }, typeof bytes === 'string' || bytes instanceof Uint8Array ? contentOf(Buffer.from(bytes)) : bytes, { modified }, never),
    text: async (path) => (await backstage.get(path))?.toString(),
    versions: (path) => control.versionsOf(`/Commun${path}`),
    asked: async (route) => (await control.state()).counts[route] ?? 0,
    strike: (route, action, more = {}) => control.addRule({ route, action, ...more }),
  };
}

/** What it fails with; `none` where it does not. */
export const failure = (work: Promise<unknown>): Promise<string> => errnoOf(work);

/** A refusal in the platform's own form. */
export function refusal(status: number, error = 'Refusé'): FaultAction {
  return { kind: 'answer', status, headers: { 'content-type': 'application/json' }, body: { error } };
}
