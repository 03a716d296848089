import { describe, expect, it } from 'vitest';
import { isExempt, proxyFor } from '../../src/http/proxies.js';

const https = 'https://files.example.org';

describe('the proxy of an origin', () => {
  it.each<[string, Record<string, string>, string | undefined]>([
    [https, {}, undefined],
    [https, { HTTPS_PROXY: 'http://p:3128' }, 'http://p:3128'],
    [https, { https_proxy: 'http://lower:1', HTTPS_PROXY: 'http://upper:2' }, 'http://lower:1'],
    [https, { https_proxy: '', HTTPS_PROXY: 'http://upper:2' }, undefined],
    [https, { HTTPS_PROXY: 'p.example:3128' }, 'http://p.example:3128'],
    [https, { HTTPS_PROXY: 'https://p:443/' }, 'https://p'],
    [https, { HTTP_PROXY: 'http://p:3128' }, undefined],
    ['http://files.example.org:8080', { HTTP_PROXY: 'http://p:3128', HTTPS_PROXY: 'http://other:1' }, 'http://p:3128'],
    ['http://127.0.0.1:8080', { HTTP_PROXY: 'http://p:3128' }, undefined],
    ['https://localhost', { HTTPS_PROXY: 'http://p:3128' }, undefined],
    ['https://[::1]:1', { HTTPS_PROXY: 'http://p:3128' }, undefined],
    [https, { HTTPS_PROXY: 'http://p:3128', NO_PROXY: 'example.org' }, undefined],
    [https, { HTTPS_PROXY: 'http://p:3128', no_proxy: 'other.org', NO_PROXY: 'example.org' }, 'http://p:3128'],
  ])('%s with %j', (origin, environment, expected) => {
    expect(proxyFor(origin, environment)?.origin).toBe(expected);
  });

  it('signs in with what stands in its address, %-codes read', () => {
    const proxy = proxyFor(https, { HTTPS_PROXY: 'http://ann%40x:p%3Aw@p:3128' });
    expect(proxy).toEqual({ origin: 'http://p:3128', authorization: `Basic ${Buffer.from('ann@x:p:w').toString('base64')}` });
  });

  it.each(['socks5://geheim:wort@p:1', 'http://geheim:wort@p:port', 'http://geheim:wo%zzrt@p:1', '://geheim'])('%s is refused without being repeated', (text) => {
    const refused = (): unknown => proxyFor(https, { HTTPS_PROXY: text });
    expect(refused).toThrow(/HTTPS_PROXY/);
    expect(refused).not.toThrow(/geheim|wort|%zz/);
  });
});

describe('NO_PROXY', () => {
  it.each<[string, string, boolean]>([
    [https, '*', true],
    [https, '', false],
    [https, 'files.example.org', true],
    [https, 'FILES.Example.ORG', true],
    [https, 'example.org', true],
    [https, '.example.org', true],
    [https, '*.example.org', true],
    [https, 'ample.org', false],
    [https, 'org.example', false],
    [https, 'a, b\texample.org', true],
    [https, 'example.org:443', true],
    [https, 'example.org:8443', false],
    ['https://files.example.org:8443', 'example.org:8443', true],
    ['http://files.example.org', 'example.org:80', true],
    ['https://10.1.2.3', '10.1.2.3', true],
    ['https://10.1.2.3', '10.0.0.0/8', true],
    ['https://10.1.2.3', '10.1.2.4', false],
    ['https://10.1.2.3', '.2.3', false],
    ['https://10.1.2.3', '10.0.0.0/99', false],
    ['https://10.1.2.3:444', '10.1.2.3:443', false],
    ['https://[2001:db8::1]', '2001:db8::1', true],
    ['https://[2001:db8::1]:8443', '[2001:db8::1]:8443', true],
    ['https://[2001:db8::1]', '2001:db8::/32', true],
    ['https://[2001:db8::1]', '10.0.0.0/8', false],
    ['https://files.example.org', '10.0.0.0/8', false],
  ])('%s and "%s": %s', (origin, list, exempt) => {
    expect(isExempt(new URL(origin), list)).toBe(exempt);
  });
});
