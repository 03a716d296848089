/** What a test may do to a running Arrhes beyond what every emulator offers: its clock, its limits, a look inside. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { commonControl, ordered } from '../common/control.js';
import type { Faults } from '../common/faults.js';
import type { Traffic } from '../common/traffic.js';
import type { EmulatorControl } from '../emulator.js';
import type { World } from './call.js';
import { shownRow } from './rows.js';

/** What a test may change of the organization while the emulator runs. Left out: stays as it is. */
export interface OrganizationChange {
  /** Bytes. */
  readonly storageLimit?: number | undefined;
  readonly storageUsed?: number | undefined;
  readonly ocrPages?: number | undefined;
}

/** What lies on the server and in its store. */
export interface Content {
  /** Rows as the lists show them. */
  readonly files: readonly Readonly<Record<string, unknown>>[];
  readonly folders: readonly Readonly<Record<string, unknown>>[];
  /** By key: size in bytes, type, and the quoted MD5. */
  readonly objects: Readonly<Record<string, { readonly size: number; readonly type: string; readonly etag: string }>>;
  readonly storageUsed: number;
}

export interface ArrhesControl extends EmulatorControl {
  changeOrganization(change: OrganizationChange): Promise<void>;
  /** Moves the clock of the server and its store ahead, so that URLs expire; milliseconds. */
  advance(ms: number): Promise<void>;
  content(): Promise<Content>;
}

const organizationChange = z.strictObject({
  storageLimit: z.number().optional(),
  storageUsed: z.number().optional(),
  ocrPages: z.number().optional(),
});

const advance = z.strictObject({ ms: z.number().min(0) });

export function makeArrhesControl(faults: Faults, traffic: Traffic, world: World): ArrhesControl {
  const { choices, database, store } = world;
  return {
    ...commonControl(faults, traffic),
    changeOrganization: ({ storageLimit, storageUsed, ocrPages }) => ordered(() => {
      database.storageLimit = storageLimit ?? database.storageLimit;
      database.storageUsed = storageUsed ?? database.storageUsed;
      database.ocrPages = ocrPages ?? database.ocrPages;
    }),
    advance: (ms) => ordered(() => choices.clock.advance(ms)),
    content: () => ordered(() => ({
      files: database.files(choices.idOrganization).map((row) => shownRow(row, choices)),
      folders: database.folders(choices.idOrganization).map((row) => shownRow(row, choices)),
      objects: Object.fromEntries([...store.objects].map(([key, { size, type, etag }]) => [key, { size, type, etag }])),
      storageUsed: database.storageUsed,
    })),
  };
}

/** The same over HTTP. */
export function addArrhesControl(app: FastifyInstance, control: ArrhesControl): void {
  app.get('/_control/content', () => control.content());
  app.post('/_control/organization', async (request) => {
    await control.changeOrganization(organizationChange.parse(request.body));
    return {};
  });
  app.post('/_control/advance', async (request) => {
    await control.advance(advance.parse(request.body).ms);
    return {};
  });
}
