/** Names that tools, shells and URLs stumble over: each a file on the server under just this name. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chosenCases, testUnlessLeftOut, useToolsDrive } from '../../support/chosen.js';
import { refused, succeed } from '../../support/programs.js';
import { soon } from './files.js';

const names: Readonly<Record<string, string>> = {
  'a space': 'two words',
  'spaces at its ends': ' both ends ',
  'accents, NFC': 'caf\u00e9',
  'accents, NFD': 'cafe\u0301',
  'other scripts': 'Ελληνικά 中文 עברית',
  'emoji': '⛵ ancre 🚢👩‍🚀',
  '255 bytes': 'é'.repeat(127) + 'x',
  'a newline': 'two\nlines',
  'a tab and control characters': 'a\tb\u0001c\u007f',
  'a leading dash': '-rf',
  'a leading dot': '.hidden',
  'dots': 'a..b...',
  'three dots': '...',
  '%': '100% of %2F %00 %zz',
  ';': 'a;b;',
  '+': 'c++ + d',
  '#': '#1 # 2',
  '?': 'what? why?',
  '&': 'a&b=c&path=.',
  '=': 'path=x',
  'quotes': `"double" 'single' \`back\``,
  'a dollar, braces, brackets': '$HOME {a,b} [c] *',
  'colon and pipe': 'C: a|b <c> @d ~',
  'what a browser would normalise': '%2e%2e',
  'a comma': 'a,b',
};
const all = Object.values(names);

const drive = useToolsDrive({
  async prepare(root) {
    await mkdir(join(root, 'prepared'));
    for (const name of all) {
      await mkdir(join(root, 'prepared', name));
      await writeFile(join(root, 'prepared', name, name), `content of ${name}`);
    }
  },
});

describe.each(chosenCases('names', Object.entries(names), ([name]) => name))('%s', (_, name) => {
  test('made, read, renamed, replaced and deleted under it', async () => {
    const { mount, server, local } = await drive.place();
    await writeFile(join(local, 'source'), `content of ${name}`);
    await succeed('cp', ['--', join(local, 'source'), join(mount, name)]);
    expect(await readdir(server)).toEqual([name]);
    expect(await readFile(join(server, name), 'utf8')).toBe(`content of ${name}`);
    expect(await succeed('cat', ['--', join(mount, name)])).toBe(`content of ${name}`);
    await succeed('mkdir', ['--', join(mount, 'd')]);
    await succeed('mv', ['-T', '--', join(mount, name), join(mount, 'd', name)]);
    await succeed('mv', ['-T', '--', join(mount, 'd'), join(mount, name)]);
    expect((await readdir(server, { recursive: true })).sort()).toEqual([name, join(name, name)].sort());
    await succeed('touch', ['-d', '2015-01-01 UTC', '--', join(mount, name, name), join(mount, name)]);
    expect(await succeed('find', [mount, '-mindepth', '1', '-printf', '%P\\0%Ts\\0'])).toBe(`${name}\0` + `1420070400\0${name}/${name}\0` + '1420070400\0');
    await succeed('rm', ['-r', '--', join(mount, name)]);
    expect(await readdir(server)).toEqual([]);
  });
});

describe('all of them', () => {
  test('listed, found and copied out as the server has them', async () => {
    const { mount, server, local } = await drive.place('prepared');
    const listed = (await succeed('find', [mount, '-mindepth', '2', '-printf', '%P\\0'])).split('\0').filter((name) => name !== '').sort();
    expect(listed).toEqual(all.map((name) => `${name}/${name}`).sort());
    await succeed('cp', ['-r', mount, join(local, 'copy')]);
    await succeed('diff', ['-r', server, join(local, 'copy')]);
    await succeed('rsync', ['-a', `${mount}/`, join(local, 'again')]);
    await succeed('diff', ['-r', server, join(local, 'again')]);
  });

  test('the two spellings of an accent are two files', async () => {
    const { mount, server, local } = await drive.place();
    for (const [name, text] of [['caf\u00e9', 'composed'], ['cafe\u0301', 'decomposed']] as const) {
      await writeFile(join(local, 'source'), text);
      await succeed('cp', [join(local, 'source'), join(mount, name)]);
    }
    expect((await readdir(server)).sort()).toEqual(['cafe\u0301', 'caf\u00e9']);
    expect(await succeed('cat', [join(mount, 'caf\u00e9')])).toBe('composed');
    expect(await succeed('cat', [join(mount, 'cafe\u0301')])).toBe('decomposed');
    await succeed('rm', [join(mount, 'caf\u00e9')]);
    expect(await readdir(server)).toEqual(['cafe\u0301']);
  });
});

describe('names that cannot be', () => {
  test('a backslash, which the platform takes for a slash: EINVAL for whatever makes it', async () => {
    const { mount, server } = await drive.place();
    await succeed('mkdir', [join(mount, 'a')]);
    await succeed('touch', [join(mount, 'f')]);
    // mv takes rename's EINVAL for its usual meaning.
    for (const words of [['touch', 'a\\b'], ['mkdir', 'a\\b'], ['mv', 'f', 'a\\b'], ['cp', '/etc/passwd', 'a\\b']]) {
      const [command = '', ...parameters] = words;
      expect(await refused(command, parameters, { cwd: mount })).toMatch(/Invalid argument|to a subdirectory of itself/);
    }
    await soon(async () => (await readdir(server, { recursive: true })).sort()).toEqual(['a', 'f']);
  });

  testUnlessLeftOut('the replacement character, under which the platform lists what it cannot reach: EINVAL', async () => {
    const { mount, server } = await drive.place();
    expect(await refused('touch', [join(mount, 'a\ufffdb')])).toContain('Invalid argument');
    expect(await readdir(server)).toEqual([]);
  });

  test('not UTF-8: EILSEQ, and nothing is made', async () => {
    const { mount, server } = await drive.place();
    await succeed('touch', [join(mount, 'f')]);
    for (const script of ["touch $'caf\\xe9'", "mkdir $'\\xff\\xfe'", "mv f $'\\xc3('", "ln -s f $'\\xed\\xa0\\x80'"]) {
      expect(await refused('bash', ['-c', script], { cwd: mount })).toMatch(/Invalid or incomplete multibyte|Operation not permitted/);
    }
    expect(await refused('bash', ['-c', "cat $'caf\\xe9'"], { cwd: mount })).toMatch(/Invalid or incomplete multibyte|No such file/);
    await soon(() => readdir(server)).toEqual(['f']);
  });

  test('more than 255 bytes: ENAMETOOLONG', async () => {
    const { mount, server } = await drive.place();
    for (const name of ['x'.repeat(256), 'é'.repeat(128)]) {
      expect(await refused('touch', [join(mount, name)])).toContain('File name too long');
      expect(await refused('mkdir', [join(mount, name)])).toContain('File name too long');
    }
    expect(await readdir(server)).toEqual([]);
  });
});
