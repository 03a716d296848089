/**
 * How the program is put together in dist/: what a start needs lies in a few files in place of some hundred, which
 * halves its time. What a command needs alone is loaded when it is called, as in src/.
 */
import { defineConfig } from 'rolldown';

export default defineConfig({
  input: {
    'cli/main': 'src/cli/main.ts',
    'cli/serving/process': 'src/cli/serving/process.ts',
  },
  platform: 'node',
  tsconfig: 'tsconfig.json',
  // They bring code of the machine's own, which their packages find beside themselves.
  external: ['fuse-napi', 'fuse-native', 'koffi', 'lmdb'],
  output: {
    dir: 'dist',
    cleanDir: true,
    chunkFileNames: 'parts/[name]-[hash].js',
    sourcemap: true,
    sourcemapExcludeSources: true,
  },
});
