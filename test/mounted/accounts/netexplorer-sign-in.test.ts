/** Mounts of NetExplorer and who may make them: by password, by a person's sign-in, and not at all. (NetExplorer's page: signing in) */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { useHarbours } from '../../support/amarre-mounts.js';
import { like } from '../../support/like.js';
import { netexplorer } from '../../support/platforms.js';
import { eventually, run, succeed } from '../../support/programs.js';
import { beginSignIn } from '../../support/signing-in.js';

const make = useHarbours();

test('a mount that is refused is one line with the platform\'s sentence and status 3; whatever fails, the connection is given back', async () => {
  const harbour = await make(netexplorer());
  await harbour.control.refuseSignIn('expired');
  const expired = await harbour.run(harbour.mountWords('--daemon'));
  expect(expired).toMatchObject({ status: 3, stderr: 'amarre: the platform does not let u in: Connexion refusée : votre compte a expiré\n' });
  await harbour.control.refuseSignIn();
  const wrong = await harbour.run(harbour.mountWords('--daemon'), { AMARRE_PASSWORD: 'Geheim-4711' });
  expect(wrong).toMatchObject({ status: 3, stderr: 'amarre: the platform does not let u in: Identifiant ou mot de passe incorrect\n' });
  const [remote = ''] = harbour.mountWords().filter((word) => word.startsWith('netexplorer+'));
  const elsewhere = harbour.mountWords('--daemon').map((word) => (word === remote ? `${remote}/not%20there` : word));
  expect(await harbour.run(elsewhere)).toMatchObject({ status: 4, stderr: like('not there') });
  const asAnother = await harbour.run(harbour.mountWords('--daemon', '--as', '999999'));
  expect(asAnother.status).not.toBe(0);
  expect(asAnother.stderr).toMatch(/^amarre: [^\n]+\n$/);
  expect(await harbour.control.signIns()).toMatchObject({ signedIn: [] });
});

test('a person signs in once: mounts go by it, through renewals and the end of sessions; revoked, they say what to do, and go on when it is done', async () => {
  const harbour = await make(netexplorer({ oauth: { consent: 'grant', accessLifeMs: 2_000 } }));
  await writeFile(join(harbour.root, 'f'), 'bytes');
  const mount = () => harbour.run(harbour.mountWords('--daemon', '--dir-ttl', '0s', '--attr-ttl', '0s', '--oauth-client', 'amarre-person'), {});
  const signIn = async () => {
    const { address, ended } = beginSignIn(['--oauth-client', 'amarre-person', harbour.remote, '--cache-dir', harbour.state], harbour.folder);
    const page = await fetch(await address);
    expect([page.status, await page.text()]).toEqual([200, like('Amarre has the answer')]);
    expect(await ended).toMatchObject({ status: 0, stderr: like('signed in; mounts of') });
  };
  const list = () => run('ls', [harbour.mountpoint], { env: { LC_ALL: 'C' } });

  expect(await mount()).toMatchObject({ status: 3, stderr: like(/^amarre: u has not signed in here yet: run "amarre sign-in" first[^\n]*\n$/) });
  await signIn();
  expect((await mount()).status).toBe(0);
  expect(await succeed('cat', [join(harbour.mountpoint, 'f')])).toBe('bytes');
  const given = (await harbour.control.signIns()).tokensGiven;
  await eventually('a token has ended and another is there', async () => {
    expect((await list()).stdout).toBe('f\n');
    return (await harbour.control.signIns()).tokensGiven > given;
  });
  await harbour.control.endSessions();
  expect(await succeed('cat', [join(harbour.mountpoint, 'f')])).toBe('bytes');

  await harbour.control.endSessions(true);
  const asked = (await harbour.control.signIns()).tokenRequests;
  for (let round = 0; round < 3; round += 1) expect(await list()).toMatchObject({ stdout: '', stderr: like('Permission denied') });
  expect((await harbour.control.signIns()).tokenRequests).toBe(asked + 1);
  expect(await readFile(join(harbour.state, 'amarre.log'), 'utf8')).toMatch(/the platform does not let u in: .*run \\"amarre sign-in\\" again/);
  await signIn();
  await eventually('the mount goes on', async () => (await list()).stdout === 'f\n');
  expect((await harbour.umount()).status).toBe(0);
  expect(await harbour.control.signIns()).toMatchObject({ signedIn: [] });
});

test('an account that is let in no more while a program writes: EACCES at close and from then on, asked once; the content is kept, and sent by the mount that may', async () => {
  const harbour = await make(netexplorer());
  expect((await harbour.daemon()).status).toBe(0);
  const source = join(harbour.folder, 'source');
  await writeFile(source, 'bytes');
  await succeed('cp', [source, join(harbour.mountpoint, 'first')]);

  const go = join(harbour.folder, 'go');
  const script = 'exec 3> "$1"; while [ ! -e "$2" ]; do sleep 0.05; done; cat "$3" >&3';
  const begun = run('sh', ['-c', script, 'sh', join(harbour.mountpoint, 'second'), go, source]);
  await eventually('the program has begun', async () => (await run('test', ['-e', join(harbour.mountpoint, 'second')])).status === 0);
  await harbour.control.refuseSignIn('hour');
  await harbour.control.endSessions();
  const { tokenRequests } = await harbour.control.signIns();
  await writeFile(go, '');
  await begun;
  for (const name of ['third', 'fourth']) {
    expect(await run('cp', [source, join(harbour.mountpoint, name)], { env: { LC_ALL: 'C' } })).toMatchObject({ status: 1, stderr: like('Permission denied') });
  }
  expect((await harbour.control.signIns()).tokenRequests).toBe(tokenRequests + 1);
  expect(await readFile(join(harbour.state, 'amarre.log'), 'utf8')).toContain("n'est pas autorisé à se connecter à cette heure");

  expect(await harbour.umount()).toMatchObject({ status: 6, stderr: like('second') });
  await harbour.control.refuseSignIn();
  await harbour.daemon();
  expect(await readFile(join(harbour.root, 'second'), 'utf8')).toBe('bytes');
  expect((await harbour.umount()).status).toBe(0);
  expect(await harbour.control.signIns()).toMatchObject({ signedIn: [] });
});
