/**
 * What kind of document a file is, for the accountant's program that shows it by this word: by its name, and
 * where that says nothing by its first bytes. Pure. (Arrhes' page: pre-signed URLs, Content-Type)
 */
import { isUtf8 } from 'node:buffer';
import mime from 'mime';

/** As many bytes at the beginning as the signs need, and enough to tell a text. */
export const headBytes = 1024;

const unknown = 'application/octet-stream';

/** The first bytes that tell a kind, in latin1. */
const signs: readonly (readonly [RegExp, string])[] = [
  [/^%PDF-/, 'application/pdf'],
  [/^\x89PNG\r\n\x1a\n/, 'image/png'],
  [/^\xff\xd8\xff/, 'image/jpeg'],
  [/^GIF8[79]a/, 'image/gif'],
  [/^(II\*\0|MM\0\*)/, 'image/tiff'],
  [/^RIFF[\s\S]{4}WEBP/, 'image/webp'],
  [/^[\s\S]{4}ftyp(heic|heix|mif1)/, 'image/heic'],
  [/^PK\x03\x04/, 'application/zip'],
  [/^\x1f\x8b/, 'application/gzip'],
  [/^\s*<\?xml/, 'application/xml'],
];

/** What a file's name tells of it; undefined: nothing. */
export function typeByName(name: string): string | undefined {
  return mime.getType(name) ?? undefined;
}

/** What a file's first bytes tell of it. */
export function typeByContent(head: Uint8Array): string {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, headBytes)).toString('latin1');
  const sign = signs.find(([form]) => form.test(text));
  if (sign !== undefined) return sign[1];
  return isText(head.subarray(0, headBytes)) ? 'text/plain' : unknown;
}

/** Whether these are the first bytes of a text in UTF-8, the last character perhaps cut. */
function isText(head: Uint8Array): boolean {
  if (head.length === 0 || head.includes(0)) return false;
  return [0, 1, 2, 3].some((cut) => head.length > cut && isUtf8(head.subarray(0, head.length - cut)));
}
