/** The built command, for tests that run it as a person does. */
import { readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const project = new URL('../../', import.meta.url);
/** A build elsewhere can be tested: `AMARRE_MAIN=/some/dist/cli/main.js`. */
const elsewhere = process.env['AMARRE_MAIN'];
const main = elsewhere ?? fileURLToPath(new URL('dist/cli/main.js', project));
let fresh = elsewhere !== undefined;

/** The command line of `amarre` with these words. Fails where dist/ is not what src/ says: it would test something else. */
export function amarre(...words: readonly string[]): [string, ...string[]] {
  if (!fresh) requireFreshBuild();
  fresh = true;
  return [process.execPath, main, ...words];
}

function requireFreshBuild(): void {
  const source = fileURLToPath(new URL('src/', project));
  const built = statSync(main, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  for (const name of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    if (built < statSync(`${source}${name}`).mtimeMs) {
      throw new Error(`dist/ is older than src/${name}: run npm run build`);
    }
  }
}
