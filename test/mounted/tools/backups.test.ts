/** Backup programs, with the drive as the place of the backups and as what is backed up. */
import { appendFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Place } from '../../support/drive.js';
import { chosenCases, useToolsDrive } from '../../support/chosen.js';
import { longAgo } from '../../support/prepared.js';
import { succeed } from '../../support/programs.js';
import { sameTrees, sampleTree } from './files.js';

const drive = useToolsDrive({
  async prepare(root) {
    for (const name of Object.keys(programs)) await sampleTree(join(root, folderOf(name)), 24);
  },
});

const deadline = 50_000;

/** Where on the drive a program finds what it backs up. */
const folderOf = (program: string) => program.replaceAll(/[^a-z]/g, '');

/** Programs that keep their own caches and keys below `local`. */
const restic = (place: Place, ...words: readonly string[]) => succeed('restic', words, {
  env: { RESTIC_PASSWORD: 'of a test', RESTIC_CACHE_DIR: join(place.local, 'cache'), HOME: place.local, GOMAXPROCS: '2' }, deadline,
});
const borg = (place: Place, words: readonly string[], cwd = place.local) => succeed('borg', words, {
  env: {
    BORG_BASE_DIR: place.local, HOME: place.local,
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes', BORG_RELOCATED_REPO_ACCESS_IS_OK: 'yes',
  }, deadline, cwd,
});

const nextSecond = () => sleep(1010 - (Date.now() % 1000));

/** What of the drive was read since the counts were reset, by path, each once. */
async function filesRead(): Promise<readonly string[]> {
  expect(await drive.requests('writing') + await drive.requests('changing')).toBe(0);
  return [...new Set((await drive.reads()).map(({ path }) => path))].sort();
}

describe('a backup to the drive', () => {
  test('restic: backup, check, prune and restore', async () => {
    const place = await drive.place();
    const { mount, server, local } = place;
    const [repository, tree] = [join(mount, 'repository'), join(local, 'tree')];
    await sampleTree(tree, 24);
    await restic(place, '-r', repository, 'init');
    await restic(place, '-r', repository, 'backup', tree);
    await appendFile(join(tree, 'folder 1', 'file-1.bin'), 'changed');
    await restic(place, '-r', repository, 'backup', tree);
    await restic(place, '-r', repository, 'forget', '--keep-last', '1', '--prune');
    await restic(place, '-r', repository, 'check', '--read-data');
    // The server's own copy is the whole truth, without a lock left.
    const there = join(server, 'repository');
    await restic(place, '-r', there, '--no-lock', 'restore', 'latest', '--target', join(local, 'restored'));
    await sameTrees(tree, join(local, 'restored', tree));
    expect(await succeed('find', [join(there, 'locks'), '-type', 'f'])).toBe('');
    await sameTrees(there, repository);
  });

  test('borg: create, check, prune, compact and extract', async () => {
    const place = await drive.place();
    const { mount, server, local } = place;
    const [repository, tree] = [join(mount, 'repository'), join(local, 'tree')];
    await sampleTree(tree, 24);
    await borg(place, ['init', '--encryption', 'none', repository]);
    await borg(place, ['create', `${repository}::first`, 'tree']);
    await appendFile(join(tree, 'folder 1', 'file-1.bin'), 'changed');
    await borg(place, ['create', `${repository}::second`, 'tree']);
    await borg(place, ['prune', '--keep-last', '1', repository]);
    await borg(place, ['compact', repository]);
    expect(await borg(place, ['list', '--short', repository])).toBe('second\n');
    await succeed('mkdir', [join(local, 'restored')]);
    await borg(place, ['extract', `${repository}::second`], join(local, 'restored'));
    await sameTrees(tree, join(local, 'restored', 'tree'));
    await borg(place, ['check', '--verify-data', join(server, 'repository')]);
    expect((await succeed('find', [join(server, 'repository'), '-name', 'lock*', '-o', '-name', '*.tmp']))).toBe('');
  });
});

/** A backup program at work on a folder of the drive. `run` makes a backup. */
interface Program {
  readonly run: (place: Place) => Promise<unknown>;
  /** Restores the last backup; answers where the folder of the drive came to stand. */
  readonly restore: (place: Place) => Promise<string>;
  readonly before?: (place: Place) => Promise<unknown>;
  /** It goes by times alone, and misses what others made older: the platform tells no time of change. */
  readonly byTimes?: boolean;
}

const programs: Readonly<Record<string, Program>> = {
  restic: {
    before: (place) => restic(place, '-r', join(place.local, 'repository'), 'init'),
    run: (place) => restic(place, '-r', join(place.local, 'repository'), 'backup', place.mount),
    async restore(place) {
      await restic(place, '-r', join(place.local, 'repository'), 'restore', 'latest', '--target', join(place.local, 'restored'));
      return join(place.local, 'restored', place.mount);
    },
  },
  borg: {
    before: (place) => borg(place, ['init', '--encryption', 'none', join(place.local, 'repository')]),
    async run(place) {
      // Borg never trusts the newest file of a backup, wherever it lies.
      await writeFile(join(place.local, 'newest'), '');
      await borg(place, ['create', `${join(place.local, 'repository')}::{now:%s%f}`, place.mount, join(place.local, 'newest')]);
    },
    async restore(place) {
      const archive = (await borg(place, ['list', '--short', '--last', '1', join(place.local, 'repository')])).trim();
      await succeed('mkdir', [join(place.local, 'restored')]);
      await borg(place, ['extract', `${join(place.local, 'repository')}::${archive}`], join(place.local, 'restored'));
      return join(place.local, 'restored', place.mount);
    },
  },
  'rsync -a': {
    run: (place) => succeed('rsync', ['-a', '--delete', `${place.mount}/`, join(place.local, 'restored')]),
    restore: (place) => Promise.resolve(join(place.local, 'restored')),
  },
  'tar --listed-incremental': {
    byTimes: true,
    async run(place) {
      // It takes anew what changed in the second in which the last archive was begun.
      await nextSecond();
      // The kernel gives each mount another device number, which it would take for another tree.
      await succeed('tar', ['cf', join(place.local, `${Date.now()}.tar`), '--no-check-device', '--listed-incremental', join(place.local, 'snapshot'), '-C', place.mount, '.']);
    },
    async restore(place) {
      await succeed('mkdir', [join(place.local, 'restored')]);
      const script = 'for archive in *.tar; do tar xf $archive --listed-incremental=/dev/null -C restored; done';
      await succeed('bash', ['-ec', script], { cwd: place.local });
      return join(place.local, 'restored');
    },
  },
};

describe.each(chosenCases('a backup of the drive', Object.entries(programs), ([name]) => name))('a backup of the drive by %s', (name, program) => {
  test('reads again what changed, and nothing else, from the next mount, and from one with a new state folder', async () => {
    const folder = folderOf(name);
    const place = await drive.place(folder);
    const files = (await succeed('find', [place.server, '-type', 'f', '-size', '+0', '-printf', `/${folder}/%P\n`])).trimEnd().split('\n').sort();
    await program.before?.(place);
    const read = async () => {
      await drive.control.resetCounts();
      await program.run(place);
      return await filesRead();
    };
    expect(await read()).toEqual(files);
    await drive.remount();
    expect(await read()).toEqual([]);
    await drive.remountAnew();
    expect(await read()).toEqual([]);

    // The platform's seconds: what changed in the one in which an archive was begun may look older than it.
    await nextSecond();
    // Through the drive, and behind its back: content of the same size, and a time alone.
    const script = "echo more >> 'folder 1/file-5.bin'; mv 'folder 2/file-2.bin' moved; echo new > new; rm 'folder 3/file-7.bin'";
    await succeed('bash', ['-ec', `cd ${place.mount}; ${script}`]);
    await writeFile(join(place.server, 'folder 1', 'file-1.bin'), 'x'.repeat(37));
    await utimes(join(place.server, 'folder 2', 'file-10.bin'), longAgo, longAgo);
    await drive.remount();
    const older = program.byTimes === true ? [] : ['folder 2/file-10.bin'];
    const changed = ['folder 1/file-1.bin', 'folder 1/file-5.bin', ...older, 'moved', 'new'];
    expect(await read()).toEqual(changed.map((one) => `/${folder}/${one}`));
    await sameTrees(place.server, await program.restore(place));
  });
});
