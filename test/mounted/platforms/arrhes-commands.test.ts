/** What the commands do on an Arrhes: text is recognized and stands beside its document, or why not; the doctor tries nothing there. One mount. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ArrhesControl } from '../../../src/emulators/start.js';
import { useHarbours, type Harbour } from '../../support/amarre-mounts.js';
import { amarre } from '../../support/cli.js';
import { arrhes } from '../../support/platforms.js';
import { begin, eventually, shell, succeed } from '../../support/programs.js';

const [key, pdf] = ['clef0secrete0000', '%PDF-1.7 scanned'];
/** How long a recognition takes, milliseconds: longer than the first look at whether it is done. */
const ocrDelayMs = 700;
const make = useHarbours(afterAll);
let drive: Harbour<ArrhesControl>;
let log = '';

beforeAll(async () => {
  drive = await make(arrhes({
    key, ocrDelayMs,
    folders: [{ name: 'Achats', id: 'achats0000000001' }],
    files: [
      { name: 'facture.pdf', idFolder: 'achats0000000001', content: pdf, type: 'application/pdf' },
      { name: 'reçu.pdf', idFolder: 'achats0000000001', content: pdf, type: 'application/pdf' },
      { name: 'notes.txt', content: 'a text is one already', type: 'text/plain' },
    ],
  }));
  log = join(drive.folder, 'log');
  await drive.mount('--log-level', 'trace', '--log-file', log);
});

const at = (...names: readonly string[]): string => join(drive.mountpoint, ...names);
const ocr = (...names: readonly string[]) => drive.run(['ocr', at(...names), '--cache-dir', drive.state]);

test('amarre ocr tells what is waited for, prints the path of the text, and it is there', async () => {
  const { status, stdout, stderr } = await ocr('Achats', 'facture.pdf');
  expect([status, stdout]).toEqual([0, `${at('Achats', 'facture.md')}\n`]);
  expect(stderr).toMatch(/^amarre: asking the platform\n(amarre: waiting for the text\n)+$/);
  expect(await succeed('cat', [at('Achats', 'facture.md')])).toContain('facture.pdf');
  expect(await succeed('cat', [at('Achats', 'facture.pdf')])).toBe(pdf);
});

test('what cannot be recognized is said, with status 1, and nothing is asked of the platform', async () => {
  await drive.control.resetCounts();
  for (const [path, words] of [['notes.txt', 'text is recognized in images and PDF'], ['Achats', 'is a folder'], ['nowhere.pdf', 'is not there']] as const) {
    const { status, stdout, stderr } = await ocr(path);
    expect([path, status, stdout, stderr.includes(words)]).toEqual([path, 1, '', true]);
  }
  expect((await drive.control.state()).counts).not.toHaveProperty('ocr');
});

test('Ctrl-C ends the wait, and not what the platform has begun: the text is there later', async () => {
  await drive.control.resetCounts();
  const [command, ...words] = amarre('ocr', at('Achats', 'reçu.pdf'), '--cache-dir', drive.state);
  const program = begin(command, words, { env: drive.env });
  await eventually('the platform has begun', async () => (await drive.control.state()).counts['ocr'] === 1);
  program.kill('SIGINT');
  const { status, stderr } = await program.result;
  expect([status, stderr.includes('interrupted')]).toEqual([1, true]);
  await eventually('the text is there', async () => {
    await drive.run(['refresh', at(), '--cache-dir', drive.state]);
    return (await shell('cat "$f" 2>/dev/null || true', { env: { f: at('Achats', 'reçu.md') } })).includes('reçu.pdf');
  });
});

test('without pages left it says so, with status 1', async () => {
  await drive.control.changeOrganization({ ocrPages: 0 });
  const { status, stdout, stderr } = await ocr('Achats', 'facture.pdf');
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toContain('nothing is left of what may be recognized');
});

test('amarre doctor signs in, and does not say that it tries what it does not try', async () => {
  await drive.control.resetCounts();
  const { status, stdout, stderr } = await drive.run(['doctor', drive.remote]);
  expect([status, stderr.includes('trying rights')]).toEqual([0, false]);
  expect(stdout).toMatch(/ok +sign-in/);
  expect(stdout).toContain('not tried on this platform');
  expect(Object.keys((await drive.control.state()).counts).filter((route) => !/^(list-files|list-folders|years|organization)$/.test(route))).toEqual([]);
});

test('neither the key nor a signed address is in the log, the status or what a program is told, also of requests that failed', async () => {
  for (const [route, status] of [['store-put', 403], ['store-put', 403], ['finalize', 500], ['upload-url', 500]] as const) {
    await drive.control.addRule({ route, action: { kind: 'answer', status, body: '<Error><Code>AccessDenied</Code><Url>http://s/x?X-Amz-Signature=0123456789abcdef</Url></Error>' } });
  }
  await drive.control.addRule({ route: 'store-get', action: { kind: 'close' } });
  await shell('printf one > "$m/one"; printf two > "$m/two"; cat "$m/one" "$m/notes.txt" > /dev/null; true', { env: { m: drive.mountpoint } });
  await drive.control.removeRules();
  const status = await drive.run(['status', '--json', '--cache-dir', drive.state]);
  const shown = [status.stdout, status.stderr, await readFile(log, 'utf8')].join('\n');
  expect(shown).toContain('request answered');
  for (const secret of [key, 'X-Amz-Signature', 'X-Amz-Credential', '0123456789abcdef']) expect([secret, shown.includes(secret)]).toEqual([secret, false]);
});
