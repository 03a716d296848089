/**
 * Puts an answer that was not wanted into words. What stands between us and the platform answers
 * with pages of its own, and "500" alone helps nobody.
 */

/** A refused request: status, and what came with it. `text` is empty for HEAD. */
export interface RefusedAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  /** How whoever gave it names itself, where it does. */
  readonly sender?: string | undefined;
  readonly text: string;
  /** The wait that the server asked for, in milliseconds. */
  readonly retryAfter: number | undefined;
}

const longest = 200;

/** Text from outside made fit for a log line: one line, no control characters, not too long. */
export function plainWords(text: string): string {
  // \p{C}: control characters, and the marks that turn the direction of a line.
  const line = text.replace(/[\p{C}\s]+/gu, ' ').trim();
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}

/** True for an answer that is a web page, whatever the status. */
export function isPage(contentType: string | undefined, text: string): boolean {
  return contentType?.toLowerCase().includes('html') === true || /^\s*<(!doctype|html)/i.test(text);
}

/** The words of a page: its title, else its first heading, else its first words. */
export function pageWords(html: string): string {
  const visible = html.replace(/<(script|style)\b[\s\S]*?<\/\1\s*>/gi, ' ').replace(/<!--[\s\S]*?-->/g, ' ');
  const [, title] = /<title[^>]*>([\s\S]*?)<\/title>/i.exec(visible) ?? [];
  const [, heading] = /<h1[^>]*>([\s\S]*?)<\/h1>/i.exec(visible) ?? [];
  for (const part of [title, heading, visible]) {
    const words = plainWords((part ?? '').replace(/<[^>]*>/g, ' '));
    if (words !== '') return words;
  }
  return '';
}

/** One sentence for an answer: its status, who seems to have given it, and what it said. `sender` is how it names itself. */
export function answerWords(status: number, contentType: string | undefined, text: string, sender: string | undefined): string {
  if (status === 407) return 'the proxy wants another sign-in than it was given (status 407): HTTP_PROXY=http://user:password@host:port';
  if (isPage(contentType, text)) {
    const words = pageWords(text);
    const by = sender === undefined ? '' : `, sent by ${plainWords(sender).slice(0, 60)}`;
    return `a proxy or a sign-in page answered in the platform's place (status ${status}${words === '' ? '' : `: "${words}"`}${by})`;
  }
  const words = plainWords(text);
  return words === '' ? `the server answered ${status}` : `the server answered ${status}: ${words}`;
}
