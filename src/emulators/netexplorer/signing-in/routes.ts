/** Signing in and out, and what the platform tells of the user and of itself (NetExplorer's page: signing in, routes). */
import { z } from 'zod';
import type { Answer } from '../../common/delivery.js';
import { openRoute, readBody, route, type Call, type OpenCall, type PlatformRoute } from '../call.js';
import { json, nothing } from '../errors.js';
import { disguised } from '../shown.js';

export const signInRoutes: readonly PlatformRoute[] = [
  openRoute('sign-in', 'POST', '/api/auth', signIn),
  // Whatever a token may do, it can be given back: no scope is asked for.
  openRoute('sign-out', 'DELETE', '/api/auth', signOut),
  route('account', 'GET', '/api/account', 'account', account),
  openRoute('public-config', 'GET', '/api/publicconfig', publicConfig),
];

const credentials = z.object({ user: z.string(), password: z.string() });

async function signIn(call: OpenCall): Promise<Answer> {
  const { user, password } = await readBody(call, credentials);
  const token = call.world.sessions.signIn(user, password);
  call.exchange.log.user = user;
  return json(200, { token });
}

function signOut({ world, exchange }: OpenCall): Answer {
  exchange.log.user = world.sessions.signOut(exchange.request).login;
  return nothing();
}

function account({ world, user }: Call): Answer {
  return json(200, disguised(world, { id: user.id, user: user.login, name: user.name, admin: user.administrator }));
}

function publicConfig({ world }: OpenCall): Answer {
  return json(200, { features: world.switches.now.features });
}
