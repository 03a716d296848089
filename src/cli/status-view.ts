/**
 * How a mount stands, for a person: first and loudest what is not safe yet, then what went wrong, then
 * the numbers. Names come from a server and from programs: nothing in them is obeyed.
 */
import type { FileStatus, MountStatus, RouteStatus } from './control/protocol.js';
import type { MuteMount, StatusReport } from './status-report.js';
import { oneLine, showName } from './terminal.js';
import { showSize } from './units.js';

export interface Look {
  readonly color: boolean;
  /** Of many, as many lines of each list; all with `--all`, as it were: the JSON has more. */
  readonly lines: number;
}

const marks = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33' } as const;
type Mark = keyof typeof marks;

class Paint {
  constructor(private readonly color: boolean) {}

  as(mark: Mark, text: string): string {
    return this.color ? `\u001b[${marks[mark]}m${text}\u001b[0m` : text;
  }
}

/** The whole report, a line each. */
export function renderStatus(report: StatusReport, look: Look): readonly string[] {
  const paint = new Paint(look.color);
  const blocks = [
    ...report.mounts.map((mount) => renderMount(mount, look, paint)),
    ...report.mute.map((mount) => renderMute(mount, paint)),
    ...(report.kept.length > 0 ? [renderKept('Left by earlier mounts, and not on the platform', report.kept, report.kept.length, look, paint)] : []),
  ];
  if (blocks.length === 0) return ['Nothing is mounted, and nothing is left to send.'];
  return blocks.flatMap((block, index) => (index === 0 ? block : ['', ...block]));
}

function renderMount(mount: MountStatus, look: Look, paint: Paint): string[] {
  const state = mount.phase === 'ending' ? paint.as('yellow', ', ending') : '';
  const words = [`up ${showSpan(Date.parse(mount.now) - Date.parse(mount.started))}`, `process ${mount.pid}`, ...(mount.readOnly ? ['read-only'] : [])];
  return [
    `${paint.as('bold', clean(mount.mountpoint))}  ${clean(mount.remote)}${state}`,
    `  ${verdict(mount, paint)}`,
    `  ${paint.as('dim', words.join(', '))}`,
    ...renderUnsent(mount, look, paint),
    ...(mount.kept.length > 0 ? ['', ...indent(renderKept('Could not be sent', mount.kept, mount.kept.length + mount.moreKept, look, paint))] : []),
    ...renderFailures(mount, look, paint),
    '',
    ...renderNumbers(mount, paint),
    ...renderRoutes(mount, look, paint),
  ];
}

/** One sentence: may this machine be switched off? */
function verdict({ unsent, kept, moreKept }: MountStatus, paint: Paint): string {
  const lost = kept.length + moreKept;
  const parts = [
    ...(unsent.files > 0 ? [paint.as('yellow', `${countOf(unsent.files, 'file is', 'files are')} not safe yet (${showSize(unsent.bytes)})`)] : []),
    ...(lost > 0 ? [paint.as('red', `${countOf(lost, 'file', 'files')} could not be sent`)] : []),
  ];
  return parts.length > 0 ? parts.join(', ') : paint.as('green', 'everything written is on the platform');
}

function renderUnsent(mount: MountStatus, look: Look, paint: Paint): string[] {
  const unsent = mount.files.filter(({ state }) => state !== 'sent');
  if (unsent.length === 0) return [];
  const shown = unsent.slice(0, look.lines);
  const rows = table(shown.map((file) => [clean(file.path), ...progressOf(file)]), 'left');
  return ['', `  ${paint.as('yellow', 'Not safe yet')}`, ...rows.map((row) => `    ${row}`), ...rest(mount.unsent.files - shown.length)];
}

function progressOf({ state, size, upload }: FileStatus): readonly string[] {
  if (state === 'sending' && upload === undefined) return ['copying', showSize(size), 'the platform copies it by itself'];
  if (upload === undefined) return ['open', showSize(size), 'goes out when its program closes it'];
  if (upload.sent >= size) return [bar(1), showSize(size), `all is out; the platform has to say that it has it (${showSpan(upload.age)} so far)`];
  const left = upload.perSecond > 0 ? `, ${showSpan((size - upload.sent) * 1000 / upload.perSecond)} left` : ', nothing moves';
  return [`${bar(upload.sent / size)} ${Math.floor(upload.sent * 100 / size)} %`, `${showSize(upload.sent)} of ${showSize(size)}`, `${showSize(Math.round(upload.perSecond))}/s${left}`];
}

function bar(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * 16);
  return `${'█'.repeat(filled)}${'░'.repeat(16 - filled)}`;
}

function renderKept(title: string, kept: readonly { path: string; size: number; kept: string; reason: string }[], all: number, look: Look, paint: Paint): string[] {
  const shown = kept.slice(0, look.lines);
  return [
    paint.as('red', title),
    ...shown.flatMap(({ path, size, kept: place, reason }) => [`  ${clean(path)} (${showSize(size)}): ${clean(reason)}`, `    ${paint.as('dim', `kept in ${clean(place)}`)}`]),
    ...rest(all - shown.length),
  ];
}

function renderFailures({ failures }: MountStatus, look: Look, paint: Paint): string[] {
  if (failures.length === 0) return [];
  const rows = table(failures.slice(-look.lines).map(({ time, operation, errno, path, times }) => (
    [showTime(time), clean(operation), clean(errno), `${clean(path)}${times > 1 ? ` (${times} times)` : ''}`]
  )), 'left');
  const words = failures.slice(-look.lines).map(({ message }) => clean(message));
  return ['', '  Last errors', ...rows.map((row, index) => `    ${row}  ${paint.as('dim', words[index] ?? '')}`)];
}

function renderNumbers(mount: MountStatus, paint: Paint): string[] {
  const { cache, openFiles, openFolders, requests, processMemory } = mount;
  const line = (name: string, text: string) => `  ${paint.as('dim', name.padEnd(9))}${text}`;
  return [
    line('open', `${countOf(openFiles, 'file', 'files')}, ${countOf(openFolders, 'folder', 'folders')}`),
    line('memory', `${showSize(cache.memoryUsed)} of ${showSize(cache.memoryBudget)} in ${countOf(cache.blocks, 'block', 'blocks')}; the process has ${showSize(processMemory)}`),
    line('cache', `${hitRate('blocks', cache.blockHits, cache.blockMisses)}; ${countOf(cache.listings, 'listing', 'listings')} of ${countOf(cache.listedNames, 'name', 'names')}, ${hitRate('listings', cache.listingHits, cache.listingMisses)}`),
    line('requests', `${requests.active} on their way, ${requests.waiting} waiting`),
  ];
}

function hitRate(what: string, hits: number, misses: number): string {
  return hits + misses === 0 ? `no ${what} wanted yet` : `${Math.floor(hits * 100 / (hits + misses))} % of ${showNumber(hits + misses)} ${what} were in memory`;
}

function renderRoutes({ requests }: MountStatus, look: Look, paint: Paint): string[] {
  if (requests.routes.length === 0) return [];
  const head = ['route', 'requests', 'a second', '4xx', 'errors', 'in', 'out', 'median', '95 %'];
  const rows = table([head, ...requests.routes.slice(0, look.lines).map(routeRow)], 'right');
  return ['', ...rows.map((row, index) => `    ${index === 0 ? paint.as('dim', row) : row}`)];
}

function routeRow(route: RouteStatus): string[] {
  const { latency } = route;
  return [
    clean(route.route), showNumber(route.count), route.perSecond.toFixed(1), showNumber(route.refused), showNumber(route.failed + route.broken),
    showSize(route.bytesIn), showSize(route.bytesOut),
    latency === undefined ? '-' : showSpan(latency.median), latency === undefined ? '-' : showSpan(latency.p95),
  ];
}

function renderMute({ mountpoint, remote, state, reason }: MuteMount, paint: Paint): string[] {
  const mark = state === 'dead' ? 'red' : 'yellow';
  const words = { dead: 'dead', silent: 'does not answer', elsewhere: 'elsewhere', foreign: 'not yours' }[state];
  return [`${paint.as('bold', clean(mountpoint))}  ${clean(remote)}`, `  ${paint.as(mark, words)}: ${clean(reason)}`];
}

/** Columns in line: the first to the left, the others as told. */
function table(rows: readonly (readonly string[])[], others: 'left' | 'right'): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, widthOf(cell));
  const pad = (cell: string, index: number): string => {
    const gap = ' '.repeat((widths[index] ?? 0) - widthOf(cell));
    return index > 0 && others === 'right' ? gap + cell : cell + gap;
  };
  return rows.map((row) => row.map(pad).join('  ').trimEnd());
}

const segments = new Intl.Segmenter('en');

/** Characters as a person counts them. */
function widthOf(text: string): number {
  return Array.from(segments.segment(text)).length;
}

function rest(more: number): string[] {
  return more > 0 ? [`    and ${showNumber(more)} more`] : [];
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function clean(text: string): string {
  return showName(oneLine(text));
}

function countOf(count: number, one: string, many: string): string {
  return `${showNumber(count)} ${count === 1 ? one : many}`;
}

function showNumber(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Local time of day, with the date where that is not today's. */
function showTime(iso: string): string {
  const time = new Date(iso);
  const clock = time.toLocaleTimeString('en-GB');
  return time.toDateString() === new Date().toDateString() ? clock : `${time.toLocaleDateString('sv-SE')} ${clock}`;
}

/** Milliseconds for a person: `12 ms`, `4.2 s`, `3 min 20 s`, `5 h 3 min`, `4 d 2 h`. */
export function showSpan(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const pair = (large: number, first: string, small: number, second: string) => (small === 0 ? `${large} ${first}` : `${large} ${first} ${small} ${second}`);
  const whole = Math.round(seconds);
  if (whole < 3600) return pair(Math.floor(whole / 60), 'min', whole % 60, 's');
  if (whole < 86_400) return pair(Math.floor(whole / 3600), 'h', Math.floor(whole % 3600 / 60), 'min');
  return pair(Math.floor(whole / 86_400), 'd', Math.floor(whole % 86_400 / 3600), 'h');
}
