import { defineConfig } from 'vitest/config';
import { leftOut } from './test/support/left-out.js';

// `unit` needs nothing but Node; `mounted` mounts for real; `mounted-fuse-native` is the part of it that a
// driver can change, on the second driver; `mounted-netexplorer` is the tools on another platform; `mounted-ordinary-user` is the part that root's rights could hide
// something of, run by `scripts/as-ordinary-user`. Three files at a time: most of a test's time is waiting, and
// more daemons than that starve one another on two cores.
export default defineConfig({
  test: {
    maxWorkers: 3,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/mounted/**', 'test/faults/mounted/**'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'mounted',
          include: ['test/mounted/**/*.test.ts', 'test/faults/mounted/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'mounted-fuse-native',
          include: [
            'test/mounted/driver/capabilities.test.ts', 'test/mounted/tools/times.test.ts',
            ...['attributes', 'closing', 'names', 'users', 'versions'].map((rule) => `test/mounted/rules/${rule}.test.ts`),
          ],
          env: { AMARRE_TEST_DRIVER: 'fuse-native' },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'mounted-netexplorer',
          include: ['test/mounted/tools/*.test.ts'],
          exclude: Object.keys(leftOut.netexplorer.files).map((file) => `test/mounted/tools/${file}.test.ts`),
          env: { AMARRE_TEST_PLATFORM: 'netexplorer' },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'mounted-ordinary-user',
          include: [
            ...['attributes', 'closing', 'interrupts', 'names', 'versions'].map((rule) => `test/mounted/rules/${rule}.test.ts`),
            ...['changing', 'copying', 'editors', 'looking', 'rsync', 'tar', 'times'].map((tool) => `test/mounted/tools/${tool}.test.ts`),
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
