/** The rules of signing in and of links that need no server: scopes, redirects, PKCE, dates, ends of connections. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readLinkDate, writeLinkDate } from '../../../src/emulators/netexplorer/links/dates.js';
import { provenClient, redirectAllowed, clientOf } from '../../../src/emulators/netexplorer/oauth/clients.js';
import { challengeFault, proves } from '../../../src/emulators/netexplorer/oauth/pkce.js';
import { OAuthRefusal, parametersOf } from '../../../src/emulators/netexplorer/oauth/refusal.js';
import { Connections } from '../../../src/emulators/netexplorer/signing-in/connections.js';
import { allows, parseScopes } from '../../../src/emulators/netexplorer/signing-in/scopes.js';
import { User } from '../../../src/emulators/netexplorer/users.js';

describe('scopes', () => {
  test.each([
    ['files.read', { area: 'files', writes: false }, true],
    ['files.read', { area: 'files', writes: true }, false],
    ['files.readwrite', { area: 'files', writes: false }, true],
    ['files.readwrite', { area: 'files', writes: true }, true],
    ['files.readwrite', { area: 'folders', writes: false }, false],
    ['all', { area: 'trashes', writes: true }, true],
    ['offline', { area: 'account', writes: false }, false],
  ] as const)('%s opens %j: %s', (scope, need, expected) => {
    expect(allows(new Set([scope]), need)).toBe(expected);
  });

  test.each([
    ['files.read  folders.readwrite files.read', ['files.read', 'folders.readwrite']],
    ['offline all', ['offline', 'all']],
    ['files', undefined],
    ['files.write', undefined],
  ])('“%s” is read as %j', (text, expected) => {
    expect(parseScopes(text)).toEqual(expected);
  });
});

describe('where codes may be sent', () => {
  test.each([
    [['https://app.example/back'], 'https://app.example/back', true],
    [['https://app.example/back'], 'https://app.example/back/', false],
    [['https://app.example/back'], 'https://app.example:444/back', false],
    [['http://127.0.0.1/back'], 'http://127.0.0.1:4711/back', true],
    [['http://127.0.0.1/back'], 'http://127.0.0.1:4711/elsewhere', false],
    [['http://127.0.0.1/back'], 'http://localhost:4711/back', false],
    [['http://127.0.0.1/back'], 'https://127.0.0.1:4711/back', false],
    [['http://[::1]/'], 'http://[::1]:4711/any/path', true],
    [['http://127.0.0.1/'], 'http://127.0.0.1:4711/#part', false],
    [['http://127.0.0.1/'], 'http://x@127.0.0.1:4711/', false],
    [['http://127.0.0.1/'], 'http://127.0.0.1.example:80/', false],
    [['http://app.example/'], 'http://app.example:4711/', false],
    [['http://127.0.0.1/'], 'no address', false],
  ])('%j allows %s: %s', (registered, asked, expected) => {
    expect(redirectAllowed(registered, asked)).toBe(expected);
  });
});

describe('PKCE', () => {
  const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
  const challenge = createHash('sha256').update(verifier).digest('base64url');

  test('the verifier of RFC 7636’s appendix proves its challenge, no other does', () => {
    expect(challenge).toBe('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM');
    expect(proves(verifier, challenge)).toBe(true);
    expect(proves(`${verifier}x`, challenge)).toBe(false);
    expect(proves('short', createHash('sha256').update('short').digest('base64url'))).toBe(false);
  });

  test.each([
    ['required', undefined, undefined, false],
    ['required', challenge, 'S256', true],
    ['taken', undefined, undefined, true],
    ['taken', challenge, 'plain', false],
    ['taken', challenge, undefined, false],
    ['taken', undefined, 'S256', false],
    ['taken', 'too-short', 'S256', false],
    ['unknown', undefined, undefined, true],
    ['unknown', challenge, 'S256', false],
  ] as const)('%s with %s by %s passes: %s', (pkce, given, method, expected) => {
    expect(challengeFault(pkce, given, method) === undefined).toBe(expected);
  });
});

describe('a client proves itself', () => {
  const clients = new Map([clientOf({ id: 'a:b', secret: 's+é' }), clientOf({ id: 'open' })].map((client) => [client.id, client]));
  const basic = `Basic ${Buffer.from(`${encodeURIComponent('a:b')}:${encodeURIComponent('s+é')}`).toString('base64')}`;
  const form = (fields: Record<string, string>): ReadonlyMap<string, string> => new Map(Object.entries(fields));

  test.each([
    ['any', basic, {}, 'a:b'],
    ['any', undefined, { client_id: 'a:b', client_secret: 's+é' }, 'a:b'],
    ['any', undefined, { client_id: 'open' }, 'open'],
    ['any', undefined, { client_id: 'a:b' }, 'invalid_client'],
    ['any', undefined, { client_id: 'nobody' }, 'invalid_client'],
    ['any', basic, { client_secret: 's+é' }, 'invalid_request'],
    ['any', basic, { client_id: 'open' }, 'invalid_request'],
    ['basic', undefined, { client_id: 'a:b', client_secret: 's+é' }, 'invalid_client'],
    ['body', basic, {}, 'invalid_client'],
  ] as const)('%s, header %s, form %j: %s', (proof, header, fields, expected) => {
    const outcome = (): string => {
      try {
        return provenClient(clients, proof, header, form(fields)).id;
      } catch (error) {
        return error instanceof OAuthRefusal ? error.error : String(error);
      }
    };
    expect(outcome()).toBe(expected);
  });

  test('a parameter that comes twice is refused, one without a value was not sent', () => {
    expect([...parametersOf('a=1&b=&c=%20')]).toEqual([['a', '1'], ['c', ' ']]);
    expect(() => parametersOf('a=1&a=2')).toThrow('a comes twice');
  });
});

describe('connections', () => {
  const user = new User(7, 'u', {});

  test('end by idleness and by age, and use keeps off the first only', () => {
    let now = 0;
    const connections = new Connections({ sessionIdleMs: 100, sessionLimitMs: 250, slots: 0, now: () => now });
    const [used, idle] = [connections.open(user), connections.open(user)];
    for (now = 90; now < 250; now += 80) expect(connections.use(used)?.user).toBe(user);
    expect(connections.use(idle)).toBeUndefined();
    now = 250;
    expect(connections.use(used)).toBeUndefined();
  });

  test('fill the slots; those that ended, or were given back, leave theirs; one consent takes one', () => {
    let now = 0;
    const connections = new Connections({ sessionIdleMs: 100, sessionLimitMs: 1000, slots: 2, now: () => now });
    const token = connections.open(user);
    connections.openFor(user, new Set(['all']), 'consent', 500);
    const renewed = connections.openFor(user, new Set(['all']), 'consent', 500);
    expect([connections.full, connections.signedIn().length]).toEqual([true, 2]);
    expect([connections.giveBack(token), connections.giveBack(token), connections.full]).toEqual([true, false, false]);
    connections.open(user);
    expect(connections.full).toBe(true);
    now = 100;
    expect([connections.full, connections.has('consent')]).toEqual([false, true]);
    connections.giveBack(renewed);
    expect([connections.signedIn(), connections.given, connections.givenBack]).toEqual([[], 4, 2]);
  });
});

describe('dates of links', () => {
  const at = Date.UTC(2024, 1, 13, 22, 30, 15);

  test.each([
    ['rfc3339', '2024-02-14T00:30:15+02:00'],
    ['french', '14/02/2024'],
    ['sql', '2024-02-14 00:30:15'],
  ] as const)('%s is written %s', (form, expected) => {
    expect(writeLinkDate(at, form, 120)).toBe(expected);
  });

  test.each([
    ['2024-02-14T00:30:15+02:00', at],
    ['2024-02-14T00:30:15+0200', at],
    ['2024-02-13T22:30:15.000Z', at],
    ['2024-02-14 00:30:15', at],
    ['14/02/2024', Date.UTC(2024, 1, 13, 22)],
    ['2024-02-14', Date.UTC(2024, 1, 13, 22)],
    ['31/02/2024', undefined],
    ['2024-02-14 25:00:00', undefined],
    ['tomorrow', undefined],
    ['', undefined],
  ])('%s is read as %s', (text, expected) => {
    expect(readLinkDate(text, 120)).toBe(expected);
  });
});
