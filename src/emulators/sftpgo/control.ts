/** What a test may do to a running SFTPGo beyond what every emulator offers: its users, their tokens, its services. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { EmulatorControl } from '../emulator.js';

/** What a test may change of a user while the emulator runs. Left out: stays as it is. */
export interface UserChange {
  readonly password?: string | undefined;
  /** A disabled user cannot sign in; tokens given before still hold. */
  readonly enabled?: boolean | undefined;
  /** The rights, all of them. */
  readonly rights?: readonly string[] | undefined;
  /** Rights of folders and what is below them, by path, all of them; they replace `rights` there. */
  readonly folderRights?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Bytes; 0 is no limit. */
  readonly quotaBytes?: number | undefined;
  /** What counts as used of the quota, in bytes. */
  readonly usedBytes?: number | undefined;
  /** 0 is no limit. */
  readonly maxSessions?: number | undefined;
}

export interface SftpgoControl extends EmulatorControl {
  /** All tokens given so far are unknown, as after a restart of the server. */
  forgetTokens(): Promise<void>;
  changeUser(name: string, change: UserChange): Promise<void>;
  /** From now on every service but those that the operator documents is refused with this status; undefined: none is. */
  refuseOthers(status?: number): Promise<void>;
  /** A code of the second factor, good for one sign-in. */
  oneTimeCode(name: string): Promise<string>;
}

const userChange = z.strictObject({
  password: z.string().optional(),
  enabled: z.boolean().optional(),
  rights: z.array(z.string()).optional(),
  folderRights: z.record(z.string(), z.array(z.string())).optional(),
  quotaBytes: z.number().int().min(0).optional(),
  usedBytes: z.number().int().min(0).optional(),
  maxSessions: z.number().int().min(0).optional(),
});

const refusal = z.strictObject({ status: z.number().int().optional() });
const byName = z.object({ name: z.string() });

/** The same over HTTP. */
export function addSftpgoControl(app: FastifyInstance, control: SftpgoControl): void {
  app.post('/_control/forget-tokens', async () => {
    await control.forgetTokens();
    return {};
  });
  app.post('/_control/refuse-others', async (request) => {
    await control.refuseOthers(refusal.parse(request.body).status);
    return {};
  });
  app.post('/_control/users/:name', async (request) => {
    await control.changeUser(byName.parse(request.params).name, userChange.parse(request.body));
    return {};
  });
  app.post('/_control/users/:name/code', async (request) => ({
    code: await control.oneTimeCode(byName.parse(request.params).name),
  }));
}
