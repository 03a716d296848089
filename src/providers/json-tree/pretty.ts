/**
 * JSON laid out for people and for line tools, by moving spaces alone: numbers, escapes, the order of members and
 * members that are there twice stay as the server wrote them, which a value parsed and written anew would not keep.
 */

const indent = '  ';

/** The text of one valid JSON value with a member or element a line and two spaces a level, and a line end behind it. */
export function prettyJson(text: string): string {
  const out: string[] = [];
  let depth = 0;
  const line = (): string => `\n${indent.repeat(depth)}`;
  // A string, a bracket with nothing in it, one sign, or a number or word.
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|\[\s*\]|\{\s*\}|[[\]{},:]|[^\s[\]{},:"]+/gs)) {
    if (token === '{' || token === '[') {
      depth += 1;
      out.push(token, line());
    } else if (token === '}' || token === ']') {
      depth -= 1;
      out.push(line(), token);
    } else if (token === ',') {
      out.push(token, line());
    } else if (token === ':') {
      out.push(': ');
    } else {
      out.push(/^[[{]/.test(token) ? token.replaceAll(/\s/g, '') : token);
    }
  }
  return `${out.join('')}\n`;
}
