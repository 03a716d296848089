/** Text in the forms that a Go server writes: JSON, quoted names, header values. Lengths and bytes then agree with it. */

/** JSON as Go's encoder writes it: `<`, `>`, `&` and two line separators escaped, so that lengths agree. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Header values are written byte by byte: text beyond ASCII goes as UTF-8, a line end as a space, as Go sends it. */
export function headerText(text: string): string {
  return Buffer.from(text.replace(/[\r\n]/g, ' '), 'utf8').toString('latin1');
}

const goEscapes = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\v', '\\v'],
  ['\u0007', '\\a'],
  ['"', '\\"'],
  ['\\', '\\\\'],
]);

/** A name in double quotes as Go's `%q` writes it: what cannot be printed is escaped, accents and emoji are not. */
export function goQuote(text: string): string {
  let quoted = '';
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    const name = goEscapes.get(character);
    if (name !== undefined) quoted += name;
    else if (point === 0x20 || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(character)) quoted += character;
    else if (point < 0x80) quoted += `\\x${point.toString(16).padStart(2, '0')}`;
    else if (point < 0x10000) quoted += `\\u${point.toString(16).padStart(4, '0')}`;
    else quoted += `\\U${point.toString(16).padStart(8, '0')}`;
  }
  return `"${quoted}"`;
}
