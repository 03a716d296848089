/** A form with a file in it (multipart/form-data, RFC 7578), sent as it is read: the file is never held whole. */
import { randomBytes } from 'node:crypto';
import { FsError } from '../errors.js';
import type { RequestContent } from './upload-body.js';

export interface FormFile {
  /** The field. */
  readonly field: string;
  /** The file's name. */
  readonly name: string;
  readonly content: RequestContent;
}

/**
 * How a name that is not plain is written: `encoded`, by RFC 5987, which Go's servers read; `as it is`, in
 * UTF-8 between quotes as browsers do, which is all that PHP's read.
 */
export type NameForm = 'encoded' | 'as it is';

export interface Form {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: RequestContent;
}

/** The form: plain fields first, the file behind them. Its boundary is new each time: a file that held it could write other files. */
export function multipartForm(fields: Readonly<Record<string, string>>, file: FormFile, nameForm: NameForm): Form {
  const boundary = `amarre-${randomBytes(16).toString('hex')}`;
  const plain = Object.entries(fields).map(([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
  const head = Buffer.from(`${plain.join('')}--${boundary}\r\nContent-Disposition: form-data; name="${file.field}"; ${fileNameParameter(file.name, nameForm)}\r\n`
    + 'Content-Type: application/octet-stream\r\n\r\n');
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const { content } = file;
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: { size: head.length + content.size + tail.length, open: (start) => framed(head, content, tail, start) },
  };
}

async function* framed(head: Buffer, content: RequestContent, tail: Buffer, start: number): AsyncGenerator<Uint8Array> {
  if (start < head.length) yield head.subarray(start);
  const from = Math.max(0, start - head.length);
  if (from < content.size) yield* content.open(from);
  const behind = Math.max(0, start - head.length - content.size);
  if (behind < tail.length) yield tail.subarray(behind);
}

/** EINVAL for a name that forms are not made for. */
function fileNameParameter(name: string, form: NameForm): string {
  if (/\p{Cc}/u.test(name)) throw new FsError('EINVAL', 'a name with a line end or another control character cannot be sent as a form, which is all that this server takes');
  if (/^[\w .,+=@()-]+$/.test(name)) return `filename="${name}"`;
  if (form === 'as it is') {
    if (/["\\]/.test(name)) throw new FsError('EINVAL', 'a name with a quote or a backslash cannot be sent as a form, which is all that this server takes');
    return `filename="${name}"`;
  }
  const encoded = encodeURIComponent(name).replace(/['()*!]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  return `filename*=UTF-8''${encoded}`;
}
