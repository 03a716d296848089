import { defineConfig } from 'vitest/config';

// Two suites: `unit` needs nothing but Node; `mounted` mounts for real. Two files at a time: most of
// a test's time is waiting, and more daemons than that starve one another on two cores.
export default defineConfig({
  test: {
    maxWorkers: 2,
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
    ],
  },
});
