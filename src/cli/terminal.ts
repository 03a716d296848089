/** What a person sees: lines on standard error, each of one line, each beginning with who speaks. */

/** Says one thing. Whatever would break the line is written out. */
export function say(text: string): void {
  process.stderr.write(`amarre: ${oneLine(text)}\n`);
}

/** Says one thing, then a list below it. */
export function sayLines(lines: readonly string[]): void {
  const [first, ...rest] = lines;
  if (first === undefined) return;
  say(first);
  for (const line of rest) process.stderr.write(`${line.replaceAll(/[\r\n]+/g, ' ')}\n`);
}

/** One line of what may be several: messages of libraries and of servers are not ours to trust in this. */
export function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*[\r\n]+\s*/g, ' ');
}

/** Characters that a terminal would obey, or that turn the direction of what follows, are shown by their number. */
export function showName(name: string): string {
  // Others of the classes that hold them are needed by emoji.
  return name.replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`);
}
