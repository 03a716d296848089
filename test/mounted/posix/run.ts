/** Runs cases by `runner.py`, in a process of its own: it touches the mount, which the process of the tests must not. */
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { anotherUser } from '../../support/ordinary-user.js';
import { succeed } from '../../support/programs.js';
import type { Case } from './case.js';

const runner = fileURLToPath(new URL('runner.py', import.meta.url));

const outcomesSchema = z.record(z.string(), z.object({ results: z.array(z.string()), changes: z.array(z.string()) }));

/** What came of a case: each step's result, then what changed in its folder. */
export interface Outcome {
  readonly results: string;
  readonly changes: readonly string[];
}

/** Makes what the cases need: a folder each, below `made`. */
export async function prepareCases(cases: readonly Case[], made: string): Promise<void> {
  await call(cases, { made, base: made, outside: made, prepare: true });
}

/** Runs them in `base`. `outside`: a folder of another file system. `enter`: words before the command. */
export async function runCases(
  cases: readonly Case[], base: string, outside: string, enter: readonly string[] = [],
): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = outcomesSchema.parse(JSON.parse(await call(cases, { made: base, base, outside, prepare: false }, enter)));
  return new Map(Object.entries(outcomes).map(([name, { results, changes }]) => [name, { results: results.join(', '), changes }]));
}

function call(cases: readonly Case[], where: Readonly<Record<string, string | boolean>>, enter: readonly string[] = []): Promise<string> {
  const [command, ...words] = [...enter, 'python3', runner];
  return succeed(command, words, { input: JSON.stringify({ ...where, user: anotherUser, cases }), deadline: 110_000 });
}
