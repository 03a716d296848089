/** The media type by the name's extension, as far as a Go server on a plain Linux knows them. */
import { posix } from 'node:path';

const types = new Map([
  ['.avif', 'image/avif'],
  ['.css', 'text/css; charset=utf-8'],
  ['.csv', 'text/csv; charset=utf-8'],
  ['.gif', 'image/gif'],
  ['.htm', 'text/html; charset=utf-8'],
  ['.html', 'text/html; charset=utf-8'],
  ['.jpeg', 'image/jpeg'],
  ['.jpg', 'image/jpeg'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.json', 'application/json'],
  ['.pdf', 'application/pdf'],
  ['.png', 'image/png'],
  ['.svg', 'image/svg+xml'],
  ['.txt', 'text/plain; charset=utf-8'],
  ['.wasm', 'application/wasm'],
  ['.webp', 'image/webp'],
  ['.xml', 'text/xml; charset=utf-8'],
  ['.zip', 'application/zip'],
]);

export function mediaType(name: string): string {
  // Go's extension of `.txt` is `.txt`, Node's is nothing.
  return types.get(posix.extname(`x${posix.basename(name)}`).toLowerCase()) ?? 'application/octet-stream';
}
