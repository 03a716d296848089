import { describe, expect, it } from 'vitest';
import { openProvider } from '../../src/providers/open.js';
import { parseRemote } from '../../src/providers/remote.js';
import { silentLog } from '../../src/observe/log.js';
import { testSettings } from './subject.js';

describe('a remote', () => {
  it.each([
    ['sftpgo+https://anna@files.example.org', { origin: 'https://files.example.org', host: 'files.example.org', user: 'anna', base: '/' }],
    ['sftpgo+https://anna@files.example.org:8443/', { origin: 'https://files.example.org:8443', base: '/' }],
    ['sftpgo+https://anna@FILES.example.org:443/a/b/', { origin: 'https://files.example.org', base: '/a/b' }],
    ['sftpgo+https://anna@files.example.org/%C3%A9t%C3%A9/a%20b%25%3F%23;', { base: '/été/a b%?#;' }],
    ['sftpgo+https://anna%40firm@files.example.org/', { user: 'anna@firm' }],
    ['sftpgo+https://files.example.org/x', { user: undefined, base: '/x' }],
    ['sftpgo+http://u@127.0.0.1:8080/', { origin: 'http://127.0.0.1:8080', insecure: false }],
    ['sftpgo+http://u@localhost/', { insecure: false }],
    ['sftpgo+http://u@[::1]:80/', { insecure: false }],
    ['sftpgo+http://u@files.example.org/', { insecure: true }],
    ['sftpgo+http://u@127.0.0.1.example.org/', { insecure: true }],
  ])('%s is read', (text, parts) => {
    expect(parseRemote(text)).toMatchObject({ platform: 'sftpgo', ...parts });
  });

  it.each([
    ['netexplorer+https://ann@files.example.org/Clients/2026', { platform: 'netexplorer', origin: 'https://files.example.org', user: 'ann', base: '/Clients/2026' }],
    ['arrhes+https://arrhes.example.org/organizations/k3j2h1/years/0y26', { platform: 'arrhes', origin: 'https://arrhes.example.org', base: '/organizations/k3j2h1/years/0y26' }],
    ['arrhes+https://arrhes.example.org/api/v2/organizations/k3j2h1/years/0y26/', { platform: 'arrhes', base: '/api/v2/organizations/k3j2h1/years/0y26' }],
    ['netexplorer+https://files.example.org', { platform: 'netexplorer', user: undefined, base: '/' }],
  ])('%s is read, each platform in its own form', (text, parts) => {
    expect(parseRemote(text)).toMatchObject(parts);
  });

  it.each([
    ['sftpgo+https://u@host/../x', /sftpgo\+https:\/\/user@host\[:port\]\[\/folder\]\)$/],
    ['netexplorer+https://u@host/../x', /\(a remote is written netexplorer\+https:\/\/user@platform[^ ]*\)$/],
    ['arrhes+https://arrhes.example.org/organizations/k3j2h1', /does not end in \/organizations\/<id>\/years\/<id> \(a remote is written arrhes\+/],
    ['arrhes+https://arrhes.example.org/organizations/a%20b/years/c', /names "a b", which is no id/],
    ['arrhes+https://ann@arrhes.example.org/organizations/a/years/c', /names a user/],
    ['webdav+https://u@host/x', /written sftpgo\+.* or netexplorer\+/],
  ])('a complaint about %s shows the form that would be right', (text, words) => {
    expect(() => parseRemote(text)).toThrow(words);
  });

  it('has one identity however it was written, and shows itself without the user', () => {
    const one = parseRemote('sftpgo+https://anna@FILES.example.org:443/a%20b/');
    const other = parseRemote('sftpgo+https://anna@files.example.org/a b');
    expect(one.identity).toBe(other.identity);
    expect(one.identity).toBe('sftpgo+https://anna@files.example.org/a%20b');
    expect(one.withoutUser).toBe('sftpgo+https://files.example.org/a%20b');
    expect(parseRemote('sftpgo+https://bert@files.example.org/a%20b').identity).not.toBe(one.identity);
    expect(parseRemote(one.identity)).toEqual(one);
  });

  it.each([
    ['', 'does not begin with a platform'],
    ['files.example.org:/x', 'does not begin with a platform'],
    ['https://files.example.org/', 'does not begin with a platform'],
    ['sftpgo://u@files.example.org/', 'does not begin with a platform'],
    ['ftp+https://u@files.example.org/', 'no platform "ftp"'],
    ['sftpgo+https://', 'cannot be read'],
    ['sftpgo+https://u@:99', 'cannot be read'],
    ['sftpgo+https://u@host:99999/', 'cannot be read'],
    ['sftpgo+https://u@host/a?b', 'no "?"'],
    ['sftpgo+https://u@host/a#b', 'no "?"'],
    ['sftpgo+https://u@host/a\\b', 'backslash'],
    ['sftpgo+https://u@host/a\nb', 'line end'],
    ['sftpgo+https://u@host/a/../b', '".."'],
    ['sftpgo+https://u@host/a/%2e%2E/b', '".."'],
    ['sftpgo+https://u@host/a%2Fb', 'slash'],
    ['sftpgo+https://u@host/a%5Cb', 'slash'],
    ['sftpgo+https://u@host/a%00b', 'NUL'],
    ['sftpgo+https://u@host/100%', '%25'],
    ['sftpgo+https://a%3Ab@host/', '":"'],
  ])('%s is refused in a sentence', (text, words) => {
    expect(() => parseRemote(text)).toThrow(expect.objectContaining({ errno: 'EINVAL' }));
    expect(() => parseRemote(text)).toThrow(words);
  });

  it.each(['sftpgo+https://u:geheim@host/', 'sftpgo+https://u:@host/', 'sftpgo+https://:geheim@host/x'])('a password in it is refused, and not repeated: %s', (text) => {
    expect(() => parseRemote(text)).toThrow(/AMARRE_PASSWORD/);
    expect(() => parseRemote(text)).not.toThrow(/geheim/);
  });
});

describe('opening a provider', () => {
  const open = (text: string, credentials = {}, settings = {}): string => {
    try {
      return openProvider(parseRemote(text), credentials, { ...testSettings, ...settings }, silentLog()).name;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };

  it('chooses by the platform', () => {
    expect(open('sftpgo+https://u@host.example/', { password: 'p' })).toBe('sftpgo');
    expect(open('sftpgo+https://host.example/', { apiKey: 'k.u' })).toBe('sftpgo');
  });

  it('refuses plain http to another machine, unless it was asked for', () => {
    expect(open('sftpgo+http://u@host.example/', { password: 'p' })).toContain('--insecure-http');
    expect(open('sftpgo+http://u@host.example/', { password: 'p' }, { insecureHttp: true })).toBe('sftpgo');
  });

  it('says what is missing', () => {
    expect(open('sftpgo+https://u@host.example/')).toContain('neither a password for u nor an API key');
    expect(open('sftpgo+https://host.example/', { password: 'p' })).toContain('names no user');
    expect(open('sftpgo+https://host.example/', { apiKey: 'a\r\nx: y' })).toContain('characters that no key has');
    expect(open('sftpgo+https://u@host.example/', { password: 'p' }, { instances: { own: 'a-b', isDead: () => false } })).toContain('instance id');
  });
});
