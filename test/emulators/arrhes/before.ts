/** What lay on the server before each line of the record, where it was anything; the record's `given` and names tell. */
import type { ArrhesOptions } from '../../../src/emulators/start.js';
import { idOf } from './record.js';

type File = NonNullable<ArrhesOptions['files']>[number];

const file = (id: string, name: string, more: Partial<File> = {}): File => ({ id: idOf(id), name, ...more });
const files = (...all: File[]): ArrhesOptions => ({ files: all });
const folder = (id: string, name: string, parent?: string): NonNullable<ArrhesOptions['folders']>[number] => (
  { id: idOf(id), name, ...(parent === undefined ? {} : { idFolderParent: idOf(parent) }) }
);

const y1 = files(file('file0', 'y1.txt'));
const a3 = files(file('fileA', 'a3'));
const twoBs = files(file('fileA', 'b'), file('fileB', 'b'));
const inF = (name: string): ArrhesOptions => ({ folders: [folder('folderF', 'F')], files: [file('fileA', name, { idFolder: idOf('folderF') })] });
const doc = files(file('file', 'doc.txt'));
const hello = files(file('file', 'doc.txt', { content: 'hello', type: 'text/plain' }));
const version = files(file('file', 'doc.txt', { content: 'version', type: 'application/pdf' }));
/** The limit is 100 and 90 of it are used, the document's 7 among them. */
const nearlyFull = { ...version, storageLimitBytes: 100, storageUsedBytes: 83 };
const zero = files(file('fileZ', 'zero', { content: '', type: 'application/octet-stream' }));
const emptyZ = files(file('fileZ', 'zero'));
const t = files(file('fileT', 't'));
const big = files(file('fileBig', 'big'));
const abc = files(file('fileG', 'g', { content: 'abc', type: 'binary/octet-stream' }));
const d = { folders: [folder('D', 'D')] };
const dInE = { folders: [folder('D', 'D2'), folder('E', 'E', 'D')] };
const withFiles = {
  folders: [folder('D', 'D'), folder('E', 'E', 'D')],
  files: [file('in-D', 'in-D', { idFolder: idOf('D') }), file('in-E', 'in-E', { idFolder: idOf('E') })],
};
const circle = { folders: [folder('D', 'D2', 'E'), folder('E', 'E', 'D')] };
const n = files(file('fileN', idOf('fileN')));
const p = files(file('fileP', 'p.txt'));
const filledP = files(file('fileP', 'p.txt', { content: 'hello', type: 'text/plain' }));
const b = files(file('fileB', 'b.pdf', { content: '0123456789'.repeat(10), type: 'application/pdf' }));
const w = files(file('fileW', 'w.txt'));

/** Lines of which a name begins with one of these, and what they found. */
const ranges: readonly (readonly [string, number, number, ArrhesOptions])[] = [
  ['api', 13, 15, y1],
  ['api', 57, 73, a3],
  ['api', 74, 75, twoBs],
  ['api', 79, 79, a3],
  ['api', 81, 90, d],
  ['api', 91, 94, dInE],
  ['api', 101, 103, withFiles],
  ['api', 105, 105, circle],
  ['api', 106, 125, doc],
  ['api', 126, 131, hello],
  ['api', 133, 134, hello],
  ['api', 135, 135, version],
  ['api', 137, 138, nearlyFull],
  ['api', 139, 149, version],
  ['api', 150, 151, abc],
  ['api', 154, 157, emptyZ],
  ['api', 158, 163, zero],
  ['api', 165, 167, t],
  ['api', 169, 170, big],
  ['s3-versitygw', 1, 10, p],
  ['s3-versitygw', 12, 12, filledP],
  ['s3-versitygw', 13, 17, p],
  ['s3-versitygw', 20, 57, b],
  ['s3-versitygw', 60, 60, { ...b, downloadUrlLifeS: 1 }],
  ['s3-versitygw', 61, 61, { ...b, deleteUrlLifeS: 1 }],
  ['s3-versitygw', 62, 62, { ...b, downloadUrlLifeS: 1 }],
  ['s3-versitygw', 64, 65, w],
];

const single: Readonly<Record<string, ArrhesOptions>> = {
  'api-017': { folders: [folder('folder0', 'D-year1')] },
  'api-029': files(file('fileX', 'a.txt')),
  'api-045': files(file('fileX', 'h1', { hash: 'a'.repeat(64) })),
  'api-050': files(file('fileA', 'a'), file('fileB', 'b'), file('fileC', 'c')),
  'api-051': files(file('fileA', 'a')),
  'api-053': { ...files(file('fileA', 'a2')), folders: [folder('folderF', 'F')] },
  'api-054': inF('a2'),
  'api-055': inF('a3'),
  'api-069': files(file('fileA', 'a3', { date: 0 })),
  'api-095': { folders: [folder('X', 'D'), folder('Y', ''), folder('Z', 'x/y'), folder('D', 'D'), folder('E', 'E')] },
  'api-153': files(file('fileG2', 'g2', { content: 'abc' })),
  'more-002': files(file('fileS', 'saved')),
  'more-003': files(file('fileS', 'saved')),
  'more-004': n,
  'more-006': { ...n, folders: [{ id: idOf('folder of another organization'), name: 'F', idOrganization: idOf('another') }] },
  'more-008': files(file('fileN', 'scan.pdf'), file('fileN2', 'scan.md', { idFileParent: idOf('fileN') })),
  'more-010': files(file('fileH', 'h')),
  's3-versitygw-018': files(file('fileCut', 'cut')),
  's3-versitygw-058': { files: [{ id: 'nosuchobject0000', name: 'gone', content: 'x', objectGone: true }], downloadUrlLifeS: 60 },
  's3-versitygw-066': files(file('fileW', 'w.txt', { content: 'w' })),
};

export const namedBefore = Object.keys(single);

/** What lay there before a line. */
export function before(id: string): ArrhesOptions {
  const own = single[id];
  if (own !== undefined) return own;
  const [, group = '', number = ''] = /^(.*)-(\d+)$/u.exec(id) ?? [];
  const found = ranges.find(([name, from, to]) => name === group && Number(number) >= from && Number(number) <= to);
  return found?.[3] ?? {};
}
