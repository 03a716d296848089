/**
 * The control interface over HTTP, under `/_control/`, for tests whose emulator runs in another process. It asks for
 * no credentials: an emulator listens on this machine only and serves test data.
 */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { EmulatorControl } from '../emulator.js';
import { faultRule } from './faults.js';

const byId = z.object({ id: z.string() });

export function addControlRoutes(app: FastifyInstance, control: EmulatorControl): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'));
  app.setErrorHandler(async (error, _request, reply) => {
    const message = error instanceof Error ? error.message : String(error);
    await reply.code(400).send({ error: message });
  });
  app.get('/_control/state', () => control.state());
  app.get('/_control/log', () => control.log());
  app.post('/_control/rules', async (request) => ({ id: await control.addRule(faultRule.parse(request.body)) }));
  app.delete('/_control/rules', async () => {
    await control.removeRules();
    return {};
  });
  app.delete('/_control/rules/:id', async (request) => {
    await control.removeRules(byId.parse(request.params).id);
    return {};
  });
  app.post('/_control/reset-counts', async () => {
    await control.resetCounts();
    return {};
  });
}
