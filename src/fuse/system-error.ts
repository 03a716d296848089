/** The system's own errors as Node throws them: read without trusting their type. */

/** The name of the errno of what was thrown, such as `ENOENT`; undefined where it has none. */
export function errorCode(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}
