/** A file as the one part of a form: the upload that every SFTPGo offers. (SFTPGo's page: files) */
import { randomBytes } from 'node:crypto';
import { FsError } from '../../errors.js';
import type { Content } from '../provider.js';

/** Headers and body of the form. Its boundary is new each time: a file that held it could write other files. */
export function formOf(name: string, content: Content): { readonly headers: Readonly<Record<string, string>>; readonly body: Content } {
  const boundary = `amarre-${randomBytes(16).toString('hex')}`;
  const head = Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="filenames"; ${fileNameParameter(name)}\r\nContent-Type: application/octet-stream\r\n\r\n`);
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: { size: head.length + content.size + tail.length, open: (start) => framed(head, content, tail, start) },
  };
}

async function* framed(head: Buffer, content: Content, tail: Buffer, start: number): AsyncGenerator<Uint8Array> {
  if (start < head.length) yield head.subarray(start);
  const from = Math.max(0, start - head.length);
  if (from < content.size) yield* content.open(from);
  const behind = Math.max(0, start - head.length - content.size);
  if (behind < tail.length) yield tail.subarray(behind);
}

/** Plain names as they are; all others in RFC 5987's encoding, which Go reads as well. EINVAL for what forms are not made for. */
function fileNameParameter(name: string): string {
  if (/^[\w .,+=@()-]+$/.test(name)) return `filename="${name}"`;
  if (/\p{Cc}/u.test(name)) throw new FsError('EINVAL', 'a name with a line end or another control character cannot be sent as a form, which is all that this server takes');
  const encoded = encodeURIComponent(name).replace(/['()*!]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  return `filename*=UTF-8''${encoded}`;
}
