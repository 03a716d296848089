import { describe, expect, it } from 'vitest';
import { judgeRedirect } from '../../src/http/redirects.js';

const origin = 'https://files.example.org';

describe('redirects', () => {
  it.each([
    ['a path of the same origin', 'GET', 302, '/elsewhere?x=1', '/elsewhere?x=1'],
    ['a full address of the same origin', 'GET', 301, 'https://files.example.org/a', '/a'],
    ['a relative path', 'GET', 307, 'b', '/api/b'],
    ['a request with a body, where 307 keeps it', 'POST', 307, '/other', '/other'],
    ['and 308', 'DELETE', 308, '/other', '/other'],
  ])('follows %s', (_name, method, status, location, follow) => {
    expect(judgeRedirect({ origin, method, path: '/api/a' }, status, location)).toEqual({ follow });
  });

  it.each([
    ['another host', 'GET', 302, 'https://evil.example.net/login?token=s', 'evil.example.net'],
    ['the same host without TLS', 'GET', 302, 'http://files.example.org/', 'http://files.example.org'],
    ['another port', 'GET', 302, 'https://files.example.org:8443/', '8443'],
    ['another host by //', 'GET', 302, '//evil.example.net/', 'evil.example.net'],
    ['a POST that would become a GET', 'POST', 302, '/other', 'change the request'],
    ['no address', 'GET', 302, undefined, 'without saying'],
    ['an address that is none', 'GET', 302, 'https://', 'cannot be read'],
  ])('refuses %s, in words', (_name, method, status, location, words) => {
    const redirect = judgeRedirect({ origin, method, path: '/api/a' }, status, location);
    expect('refuse' in redirect ? redirect.refuse : '').toContain(words);
  });

  it('does not repeat the query of a foreign address: it may hold a secret', () => {
    const redirect = judgeRedirect({ origin, method: 'GET', path: '/' }, 302, 'https://user:pw@other.example/x?secret=1');
    expect(JSON.stringify(redirect)).not.toMatch(/secret|pw/);
  });
});
