/**
 * Names: NetExplorer forbids some that Linux allows. They are refused, or (`--names encode`) kept under a
 * name that looks alike: a full-width sign for each forbidden one, a picture for each control character and
 * for a space at an end. Signs that stand for others are marked with `‛` where they stand for themselves, so
 * that every name comes back as it was. (NetExplorer's page: what surprises)
 */
import { FsError } from '../../errors.js';
import { refuseAnywhere } from '../paths.js';

/** Longest name on the platform, in characters. */
const longestName = 200;

/** Stands before a sign that means itself. */
const mark = '‛';
/** Of a forbidden sign to its full-width form. */
const fullWidth = 0xfee0;
/** Of a control character to its picture; DEL has one of its own. */
const pictures = 0x2400;
const delPicture = '␡';
const spacePicture = '␠';

const forbidden = /[\\:*?"<>|]/u;
const control = /[\x01-\x1f\x7f]/u;
/** What an encoded name may hold in place of something else, the mark among them. */
const standIn = /[＼：＊？＂＜＞｜\u2401-\u241f␡␠‛]/u;

/** How names go to the platform and come back. */
export interface Names {
  /** Why the platform could not keep a file of this name, or undefined. EINVAL, ENAMETOOLONG, EILSEQ. */
  refuse(name: string): FsError | undefined;
  /** The name as the platform has it, of one that was not refused. */
  encode(name: string): string;
  /** The name as it is shown. */
  decode(name: string): string;
}

/** Writes any name so that the platform takes it, but for its length. */
export function encodeName(name: string): string {
  const characters = Array.from(name);
  return characters.map((character, at) => {
    if (character === ' ') return at === 0 || at === characters.length - 1 ? spacePicture : character;
    if (forbidden.test(character)) return String.fromCodePoint(codeOf(character) + fullWidth);
    if (control.test(character)) return character === '\x7f' ? delPicture : String.fromCodePoint(codeOf(character) + pictures);
    return standIn.test(character) ? `${mark}${character}` : character;
  }).join('');
}

/** Reads such a name back; one that was not written so comes out as near to itself as can be. */
export function decodeName(name: string): string {
  const characters = Array.from(name);
  let decoded = '';
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? '';
    const next = characters[at + 1];
    if (character === mark && next !== undefined && standIn.test(next)) {
      decoded += next;
      at += 1;
    } else if (character === spacePicture) {
      decoded += at === 0 || at === characters.length - 1 ? ' ' : character;
    } else {
      decoded += character === mark || !standIn.test(character) ? character : original(character);
    }
  }
  return decoded;
}

function original(character: string): string {
  if (character === delPicture) return '\x7f';
  const code = codeOf(character);
  return String.fromCodePoint(code >= fullWidth ? code - fullWidth : code - pictures);
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

function refuseLength(name: string): FsError | undefined {
  return Array.from(name).length > longestName ? new FsError('ENAMETOOLONG', `a name has at most ${longestName} characters on NetExplorer`) : undefined;
}

/** What NetExplorer does not take is refused. */
export const plainNames: Names = {
  refuse(name) {
    const refused = refuseAnywhere(name);
    if (refused !== undefined) return refused;
    const [sign] = forbidden.exec(name) ?? [];
    if (sign !== undefined) return new FsError('EINVAL', `NetExplorer allows no ${sign} in a name (--names encode)`);
    if (control.test(name)) return new FsError('EINVAL', 'NetExplorer allows no line end, tab or other control character in a name (--names encode)');
    if (name.startsWith(' ') || name.endsWith(' ')) return new FsError('EINVAL', 'NetExplorer allows no space at either end of a name (--names encode)');
    return refuseLength(name);
  },
  encode: (name) => name,
  decode: (name) => name,
};

/** What NetExplorer does not take is written otherwise there. */
export const encodedNames: Names = {
  refuse: (name) => refuseAnywhere(name) ?? refuseLength(encodeName(name)),
  encode: encodeName,
  decode: decodeName,
};
