/** Requests that a test makes with a token of its own, or with none: for signing in, for OAuth, and for what a link opens. */
import { z } from 'zod';

export interface Sending {
  readonly token?: string;
  /** User and password of the header. */
  readonly basic?: readonly [string, string];
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
}

export interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** `send('GET /api/account', {token})`: from the platform's root; a redirect is not followed. */
export type Send = (request: string, sending?: Sending) => Promise<Sent>;

export function sendingTo(url: string): Send {
  return async (request, { token, basic, headers = {}, json, form } = {}) => {
    const [method = '', path = ''] = request.split(' ', 2);
    const answer = await fetch(url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(basic === undefined ? {} : { authorization: `Basic ${Buffer.from(basic.join(':')).toString('base64')}` }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: objectOf(text) };
  };
}

function objectOf(text: string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch {
    return {};
  }
}

/** The text under a name of an answer. */
export function textIn({ json, text }: Sent, name: string): string {
  const value = json[name];
  if (typeof value !== 'string') throw new Error(`no ${name} in ${text}`);
  return value;
}

/** Signs in with a password, which must work. */
export async function signedIn(send: Send, user = 'u', password = 'p'): Promise<string> {
  return textIn(await send('POST /api/auth', { json: { user, password } }), 'token');
}
