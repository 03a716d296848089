// Exit status 0 if node_modules holds what package-lock.json asks for: then there is nothing to
// install. npm writes node_modules/.package-lock.json at the end of every install; the packages for
// other systems, all optional, are missing from it.
import { readFileSync } from 'node:fs';

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).packages;

function installed() {
  const { '': _project, ...wanted } = read('../package-lock.json');
  const present = read('../node_modules/.package-lock.json');
  return Object.entries(wanted).every(([path, { version, optional, peer }]) =>
    present[path] === undefined ? optional === true || peer === true : present[path].version === version)
    && Object.keys(present).every((path) => path in wanted);
}

try {
  process.exitCode = installed() ? 0 : 1;
} catch {
  process.exitCode = 1;
}
