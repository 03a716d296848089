/** What a test may do to a running faire-simple beyond what every emulator offers: its partners, and who was enrolled. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { EmulatorControl } from '../emulator.js';

/** An enrolment (1) or withdrawal (0) that arrived. */
export interface Enrolment {
  readonly uid: string;
  readonly action: 0 | 1;
}

export interface FaireSimpleControl extends EmulatorControl {
  /** Changes fields of a partner, or makes a new one; the next answer tells it. */
  changePartner(uid: string, fields: Readonly<Record<string, unknown>>): Promise<void>;
  /** Enrolments that arrived, oldest first. */
  enrolments(): Promise<readonly Enrolment[]>;
}

const byUid = z.object({ uid: z.string() });
const fields = z.record(z.string(), z.unknown());

/** The same over HTTP. */
export function addFaireSimpleControl(app: FastifyInstance, control: FaireSimpleControl): void {
  app.get('/_control/enrolments', () => control.enrolments());
  app.post('/_control/partners/:uid', async (request) => {
    await control.changePartner(byUid.parse(request.params).uid, fields.parse(request.body));
    return {};
  });
}
