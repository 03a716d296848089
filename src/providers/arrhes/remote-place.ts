/** The place that an Arrhes remote names: `[/prefix]/organizations/<id>/years/<id>`. */
import { FsError } from '../../errors.js';

/** Where the documents are: below a prefix, an organization's year. */
export interface Place {
  /** What stands before `/organizations`, encoded; empty or beginning with `/`. */
  readonly prefix: string;
  readonly organization: string;
  readonly year: string;
}

/** Ids as Arrhes makes them; what else stands there is a mistake of typing more often than not. */
const idForm = /^[0-9A-Za-z_-]{1,64}$/;

/** What is wrong with the names of a remote's folder, in words that go on after "the remote"; undefined where nothing is. */
export function refusePlace(names: readonly string[]): string | undefined {
  const [organizations, organization = '', years, year = ''] = names.slice(-4);
  if (names.length < 4 || organizations !== 'organizations' || years !== 'years') return 'does not end in /organizations/<id>/years/<id>';
  const wrong = [organization, year].find((id) => !idForm.test(id));
  return wrong === undefined ? undefined : `names "${wrong}", which is no id`;
}

/** EINVAL for a path that names no year. */
export function parsePlace(base: string): Place {
  const names = base.split('/').filter((name) => name !== '');
  const refused = refusePlace(names);
  if (refused !== undefined) throw new FsError('EINVAL', `the remote ${refused}`);
  const [, organization = '', , year = ''] = names.slice(-4);
  return { prefix: names.slice(0, -4).map((name) => `/${encodeURIComponent(name)}`).join(''), organization, year };
}
