/** Signing in and out with a password (NetExplorer's page: signing in). */
import { z } from 'zod';
import type { Answer } from '../common/delivery.js';
import { openRoute, readBody, type OpenCall, type PlatformRoute } from './call.js';
import { json, nothing } from './errors.js';

export const signingInRoutes: readonly PlatformRoute[] = [
  openRoute('sign-in', 'POST', '/api/auth', signIn),
  openRoute('sign-out', 'DELETE', '/api/auth', signOut),
  openRoute('public-config', 'GET', '/api/publicconfig', publicConfig),
];

async function signIn(call: OpenCall): Promise<Answer> {
  const { user, password } = await readBody(call, z.object({ user: z.string(), password: z.string() }));
  return json(200, { token: call.world.sessions.signIn(user, password) });
}

function signOut({ world, exchange }: OpenCall): Answer {
  world.sessions.check(exchange.request);
  world.sessions.signOut(exchange.request);
  return nothing();
}

function publicConfig({ world }: OpenCall): Answer {
  return json(200, { features: world.switches.now.features });
}
