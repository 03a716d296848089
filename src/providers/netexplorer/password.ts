/** Signing in with name and password. How long such a token lives is never announced. (NetExplorer's page: signing in) */
import { z } from 'zod';
import type { HttpClient } from '../../http/client.js';
import { askForToken, sendable, type PlatformToken, type SignInWay } from './sign-in.js';

const tokenAnswer = z.object({ token: z.string().min(1) });

export function byPassword(http: HttpClient, user: string, password: string): SignInWay {
  const request = {
    path: '/api/auth', route: 'POST /auth', who: user,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user, password }),
  };
  const read = (value: unknown): PlatformToken | undefined => {
    const parsed = tokenAnswer.safeParse(value);
    return parsed.success ? { text: sendable(parsed.data.token), renewAt: Infinity, endsAt: Infinity } : undefined;
  };
  return { ask: (signal) => askForToken(http, request, read, signal) };
}
