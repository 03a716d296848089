/**
 * Names with marks have two spellings in Unicode, composed (NFC) and decomposed (NFD). macOS programs write either
 * and mean the same file; platforms and Linux tell them apart. On macOS a name is found in either, and a new one is
 * sent composed, as the rest of the world writes it.
 */

/** The spellings of a name as macOS sees them: the one for a new file first. */
export function alikeSpellings(name: string): readonly string[] {
  const composed = name.normalize('NFC');
  const decomposed = name.normalize('NFD');
  return [...new Set([composed, decomposed, name])];
}

/** As Linux sees it: one name, one spelling. */
export function exactSpelling(name: string): readonly string[] {
  return [name];
}

/** The spellings as programs of a system (Node's word for it) mean them. */
export function namesAsOn(platform: string): (name: string) => readonly string[] {
  return platform === 'darwin' ? alikeSpellings : exactSpelling;
}
