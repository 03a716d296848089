/** An accountant's documents under the tools that drop them in: what they write is there, and every row that the accounts point at stays. */
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { useHarbours } from '../../support/amarre-mounts.js';
import { useDriveOn } from '../../support/drive.js';
import { arrhes } from '../../support/platforms.js';
import { refused, run, shell, succeed } from '../../support/programs.js';

const drive = useDriveOn(arrhes({
  folders: [{ name: 'Banque', id: 'banque0000000001' }, { name: 'cercle', id: 'cercle0000000001', idFolderParent: 'cercle0000000002' }, { name: 'autre', id: 'cercle0000000002', idFolderParent: 'cercle0000000001' }],
  files: [
    { name: 'facture.pdf', id: 'facture000000001', content: '%PDF-1.7 the first', reference: 'F-2026-1', date: Date.UTC(2026, 2, 31), createdAt: Date.UTC(2026, 0, 2) },
    { name: 'facture.pdf', id: 'facture000000002', content: '%PDF-1.7 the second', createdAt: Date.UTC(2026, 0, 3) },
    { name: 'a/b', id: 'slash00000000001', content: 'no folder can hold this' },
    { name: 'relevé janvier.txt', id: 'releve0000000001', idFolder: 'banque0000000001', content: 'solde 1234,56\n' },
  ],
}), { options: ['--attr-ttl', '200ms', '--dir-ttl', '200ms'] });

const at = (...names: readonly string[]): string => join(drive.mountpoint, ...names);
const row = async (id: string): Promise<Readonly<Record<string, unknown>>> => (await drive.control.content()).files.find((one) => one['id'] === id) ?? {};
const attribute = async (name: string, path: string): Promise<string> => (await succeed('getfattr', ['--only-values', '--absolute-names', '-n', `user.amarre.${name}`, path])).trim();

describe('names', () => {
  const shown = ['a_b~slash00000000001', 'facture.pdf', 'facture~facture000000002.pdf'];

  test('find shows every document and folder once, doubles with their ids, a circle under the root', async () => {
    const found = (await succeed('find', [drive.mountpoint, '-mindepth', '1', '-printf', '%P\n'])).trim().split('\n').sort();
    expect(found).toEqual([...shown, 'Banque', 'Banque/relevé janvier.txt', 'cercle', 'cercle/autre'].sort());
    expect((await succeed('cat', [at('facture~facture000000002.pdf')])).trim()).toBe('%PDF-1.7 the second');
  });

  test('grep -r finds what is in them', async () => {
    expect(await succeed('grep', ['-r', '--no-filename', '1234', drive.mountpoint])).toBe('solde 1234,56\n');
  });
});

describe('a document that is saved keeps its row', () => {
  const kept = async (): Promise<unknown> => {
    const { reference, date, idFolder } = await row('facture000000001');
    return { id: await attribute('id', at('facture.pdf')), told: await attribute('reference', at('facture.pdf')), reference, date, idFolder };
  };
  const same = { id: 'facture000000001', told: 'F-2026-1', reference: 'F-2026-1', date: '2026-03-31 00:00:00+00', idFolder: null };

  test.each<[string, string, string]>([
    ['an editor that writes beside and renames', 'sed -i s/first/edited/ "$f"', '%PDF-1.7 the edited'],
    ['an editor that writes in place', 'vim -es -u NONE -i NONE -N --cmd "set backupcopy=yes" -c "%s/edited/vim/" -c wq "$f"', '%PDF-1.7 the vim\n'],
    ['cp over it', 'printf copied > "$l/other"; cp "$l/other" "$f"', 'copied'],
    ['mv over it, from the drive', 'printf moved > "$m/moving.tmp"; mv -f "$m/moving.tmp" "$f"', 'moved'],
    ['rsync -a', 'printf synced > "$l/facture.pdf"; touch -d 2020-01-01 "$l/facture.pdf"; rsync -a "$l/" "$m/"; rm "$l/facture.pdf" "$l/other"; rm -f "$m/other"', 'synced'],
  ])('%s', async (_name, script, content) => {
    const { local } = await drive.place(`place of ${_name}`);
    const before = (await succeed('stat', ['-c', '%i', at('facture.pdf')])).trim();
    await shell(`f="$m/facture.pdf"\nprintf x > "$l/other"\n${script}`, { env: { m: drive.mountpoint, l: local, TERM: 'dumb' } });
    expect(await succeed('cat', [at('facture.pdf')])).toBe(content);
    expect((await succeed('stat', ['-c', '%i', at('facture.pdf')])).trim()).toBe(before);
    expect(await kept()).toEqual(same);
  });

  test('setfattr sets what is the accountant\'s, and only that', async () => {
    const path = at('Banque', 'relevé janvier.txt');
    const time = await succeed('stat', ['-c', '%y', path]);
    await succeed('setfattr', ['-n', 'user.amarre.reference', '-v', 'R 1 é', path], { env: { LC_ALL: 'C.UTF-8' } });
    await succeed('setfattr', ['-n', 'user.amarre.date', '-v', '2026-01-31', path]);
    expect(await row('releve0000000001')).toMatchObject({ reference: 'R 1 é', date: '2026-01-31 00:00:00+00' });
    expect([await attribute('reference', path), await attribute('date', path), await attribute('type', path)]).toEqual(['R 1 é', '2026-01-31', expect.any(String)]);
    expect(await refused('setfattr', ['-n', 'user.amarre.date', '-v', 'tomorrow', path])).toContain('Invalid argument');
    expect(await refused('setfattr', ['-n', 'user.amarre.id', '-v', 'x', path])).toContain('Operation not permitted');
    expect(await succeed('stat', ['-c', '%y', path])).toBe(time);
  });
});

describe('whole trees', () => {
  test('cp -r and rsync -a bring them, a second rsync sends nothing, also at the next mount', async () => {
    const { mount, local } = await drive.place();
    await shell('mkdir -p a/b "c d"; for i in 1 2 3 4 5; do echo "document $i" > "a/b/$i.txt"; done; : > "c d/empty"; printf "é" > "c d/é.md"; head -c 3000000 /dev/urandom > a/scan.pdf; touch -d "2021-05-06 07:08:09" a/b/1.txt "c d/é.md"', { cwd: local });
    await succeed('cp', ['-r', `${local}/.`, join(mount, 'copied')]);
    await succeed('diff', ['-r', local, join(mount, 'copied')]);
    const rsync = () => succeed('rsync', ['-a', '--itemize-changes', `${local}/`, join(mount, 'synced/')]);
    expect((await rsync()).split('\n').length).toBeGreaterThan(8);
    expect(await rsync()).toBe('');
    const list = () => succeed('find', [drive.mountpoint, '-printf', '%P %i %s\n']);
    const before = (await list()).split('\n').sort();
    await drive.remount();
    expect((await list()).split('\n').sort()).toEqual(before);
    expect(await rsync()).toBe('');
    await succeed('diff', ['-r', local, join(mount, 'synced')]);
    await succeed('rm', ['-r', mount]);
    expect((await drive.control.content()).folders.map(({ name }) => name)).not.toContain('copied');
  });
});

describe('limits', () => {
  test('a document past 50,000,000 bytes fails at the write that passes the limit, before anything is sent', async () => {
    await drive.control.resetCounts();
    const { stderr, status } = await run('dd', ['if=/dev/zero', `of=${at('large.bin')}`, 'bs=1000000', 'count=60']);
    expect(status).not.toBe(0);
    expect(stderr).toContain('File too large');
    await shell('rm -f "$f"', { env: { f: at('large.bin') } });
    expect((await drive.control.content()).files.map(({ name }) => name)).not.toContain('large.bin');
  });

  test('df shows what is left', async () => {
    expect((await succeed('df', ['-B1', '--output=size', drive.mountpoint])).trim().split('\n').at(-1)?.trim()).toBe(String(2 ** 30));
  });
});

describe('a closed year', () => {
  const make = useHarbours(afterAll);

  test('is mounted read-only', async () => {
    const harbour = await make(arrhes({ years: [{ label: '2024', isClosed: true }], files: [{ name: 'f', content: 'closed\n' }] }));
    const mounted = await harbour.mount();
    expect(mounted.output()).toContain('read-only');
    expect(await succeed('cat', [join(harbour.mountpoint, 'f')])).toBe('closed\n');
    for (const words of [['touch', 'g'], ['rm', '-f', 'f'], ['mkdir', 'd'], ['mv', 'f', 'g']] as const) {
      const [command, ...parameters] = words;
      expect(await refused(command, parameters.map((word) => (word.startsWith('-') ? word : join(harbour.mountpoint, word))))).toContain('Read-only file system');
    }
  });
});
