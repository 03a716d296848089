/** Has the text of a document recognized, and waits for it. (Arrhes' page: ocr) */
import { z } from 'zod';
import { FsError } from '../../errors.js';
import { delay } from '../../http/waiting.js';
import type { Location } from '../provider.js';
import type { Recognition } from '../services.js';
import type { Api } from './api.js';
import { fresh, type Lists } from './lists.js';
import type { Looker } from './looking.js';
import { fileRowSchema, hasContent, readAs, type FileRow } from './rows.js';

const answer = z.union([z.object({ file: fileRowSchema }).transform(({ file }) => file), fileRowSchema]);

/** Milliseconds between two looks at whether the text is there, from and up to. */
const firstPause = 250;
const longestPause = 5_000;

export class Recognizer implements Recognition {
  constructor(private readonly api: Api, private readonly lists: Lists, private readonly looker: Looker, private readonly mayChange: () => void) {}

  async run(file: Location, onProgress: (words: string) => void, signal: AbortSignal): Promise<string> {
    this.mayChange();
    const { row } = await this.looker.existing(file, signal);
    if (row.kind === 'folder') throw new FsError('EISDIR', `${file.path} is a folder`);
    if (!hasContent(row)) throw new FsError('EOPNOTSUPP', `${file.path} has no content to recognize`);
    if (!/^(image\/|application\/pdf)/.test(row.type ?? '')) throw new FsError('EOPNOTSUPP', `${file.path} is ${row.type ?? 'of no known kind'}: text is recognized in images and PDF`);
    onProgress('asking the platform');
    const text = await this.begin(row, `recognize: ${file.path}`, signal);
    for (let pause = firstPause, now = text; ; pause = Math.min(longestPause, pause * 2)) {
      if (hasContent(now)) return this.looker.nodeOf(now).name;
      onProgress('waiting for the text');
      await delay(pause, signal);
      now = await this.looker.freshFile(text.id, `recognize: ${file.path}`, signal);
    }
  }

  /** Pages are counted: what may have begun is looked for, and not begun again. */
  private async begin(row: FileRow, what: string, signal: AbortSignal): Promise<FileRow> {
    const before = new Set(childrenOf(row, await this.lists.tree(fresh, signal)).map(({ id }) => id));
    const text = await this.api.send(
      { method: 'POST', route: '/files/:id/ocr', id: row.id, body: {}, what, idempotent: false },
      ({ value }) => readAs(answer, value, what),
      async (why, until) => {
        const made = childrenOf(row, await this.lists.tree(fresh, until)).find(({ id }) => !before.has(id));
        if (made !== undefined) return { done: made };
        throw new FsError('EIO', `${what}: ${why.message}`, { cause: why });
      }, signal,
    );
    this.lists.note(text);
    return text;
  }
}

function childrenOf(row: FileRow, tree: { rows(): Iterable<FileRow | { readonly kind: 'folder' }> }): FileRow[] {
  return [...tree.rows()].filter((one): one is FileRow => one.kind === 'file' && one.idFileParent === row.id);
}
