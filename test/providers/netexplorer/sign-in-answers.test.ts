/** What answers to a sign-in mean. (NetExplorer's page: signing in) */
import { describe, expect, it } from 'vitest';
import { judgeSignIn, refusalPause } from '../../../src/providers/netexplorer/sign-in-answers.js';

const json = 'application/json';

describe('an answer to a sign-in', () => {
  it.each([
    [401, json, '{"error":"Identifiant ou mot de passe incorrect"}', 'refused', 'the platform does not let ann in: Identifiant ou mot de passe incorrect'],
    [403, json, '{"error":"Hors\\u0000 des\\n\\u202e heures"}', 'refused', 'the platform does not let ann in: Hors des heures'],
    [403, json, '{"error":"Deux facteurs","mfa_required":true}', 'refused', 'the platform does not let ann in: Deux facteurs; the account has a second factor: sign in with "amarre sign-in", which asks for it in the browser'],
    [401, json, '{"error":"mfa_required"}', 'refused', 'the platform does not let ann in: the account has a second factor: sign in with "amarre sign-in", which asks for it in the browser'],
    [400, json, '{"error":"invalid_grant","error_description":"Révoqué"}', 'refused', 'the platform does not let ann in: Révoqué; the sign-in that was kept has ended or was revoked: run "amarre sign-in" again'],
    [400, json, '{"error":"toString"}', 'refused', 'the platform does not let ann in: toString'],
    [401, undefined, '', 'refused', 'the platform does not let ann in: it gives no reason (status 401)'],
    [423, json, '{"message":"Compte verrouillé"}', 'refused', 'the platform does not let ann in: Compte verrouillé'],
    [429, json, '{"error":"Trop de requêtes"}', 'later', 'sign in: Trop de requêtes'],
    [503, 'text/html', '<title>Maintenance</title>', 'later', 'sign in: a proxy or a sign-in page answered in the platform\'s place (status 503: "Maintenance")'],
    [403, 'text/html', '<title>Blocked</title>', 'failed', /not NetExplorer's API.*Blocked/],
    [404, json, '{"error":"Not found"}', 'failed', /not NetExplorer's API.*status 404: Not found/],
    [200, json, '{"user":"ann","jeton":"s3cret"}', 'failed', /not NetExplorer's API: its sign-in gave no token \(status 200\)$/],
    [200, json, '["s3cret"]', 'failed', /gave no token \(status 200\)$/],
  ] as const)('%d %s %s is %s', (status, contentType, text, kind, words) => {
    const { kind: found, error } = judgeSignIn({ status, contentType, sender: undefined, text }, 'ann');
    expect(found).toBe(kind);
    expect(error.errno).toBe(kind === 'refused' ? 'EACCES' : 'EIO');
    if (typeof words === 'string') expect(error.message).toBe(words);
    else expect(error.message).toMatch(words);
    expect(error.message).not.toContain('s3cret');
  });

  it('of great length is cut', () => {
    const { error } = judgeSignIn({ status: 403, contentType: json, sender: undefined, text: JSON.stringify({ error: 'é'.repeat(10_000) }) }, 'ann');
    expect(error.message.length).toBeLessThan(300);
  });
});

describe('the pause behind a refused sign-in', () => {
  it.each([[1, 1], [2, 2], [3, 4], [6, 32], [7, 60], [5000, 60]])('the %d. lasts %d minutes', (count, minutes) => {
    expect(refusalPause(count)).toBe(minutes * 60_000);
  });
});
