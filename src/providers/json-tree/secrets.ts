/**
 * Takes secrets out of words. The key stands in every URL, so that a server's or a proxy's page may repeat it: no
 * sentence that was made of an answer goes on before it has been here.
 */
import { FsError, toFsError } from '../../errors.js';

/** What is shorter would be found in ordinary words. */
const shortest = 4;

export class Secrets {
  private readonly forms: readonly string[];

  constructor(secrets: readonly string[]) {
    const forms = secrets.flatMap((secret) => [secret, encodeURIComponent(secret), new URLSearchParams({ '': secret }).toString().slice(1)]);
    // The longest first: what is a part of another must not leave the rest of it.
    this.forms = [...new Set(forms)].filter((form) => form.length >= shortest).sort((a, b) => b.length - a.length);
  }

  withhold(text: string): string {
    return this.forms.reduce((words, form) => words.replaceAll(form, '***'), text);
  }

  /** The same failure without a secret in its words, nor in those of what caused it: where one had any, the causes are left out. */
  withheld(thrown: unknown): FsError {
    const error = toFsError(thrown);
    if (!this.isIn(error)) return error;
    return new FsError(error.errno, this.withhold(error.message), { retryable: error.retryable });
  }

  private isIn(thrown: unknown): boolean {
    if (!(thrown instanceof Error)) return typeof thrown === 'string' && this.withhold(thrown) !== thrown;
    return this.withhold(thrown.message) !== thrown.message || this.isIn(thrown.cause);
  }
}
