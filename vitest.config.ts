import { defineConfig } from 'vitest/config';

// Two suites: `unit` needs nothing but Node; `mounted` mounts for real, one file at a time, since
// the mounts share two cores and a file of tests must not starve another's daemon.
export default defineConfig({
  test: {
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
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
