/** The provider in memory keeps the contract too: tests that stand on it stand on the real thing. */
import { MemoryProvider } from '../support/memory-provider.js';
import { describeProvider } from './conformance.js';

for (const stableIds of [false, true]) {
  describeProvider(`memory${stableIds ? ' with ids' : ''}`, () => {
    const provider = new MemoryProvider({ traits: { stableIds } });
    return Promise.resolve({
      provider,
      backstage: {
        put: (path, content, modified) => {
          provider.put(path, content, modified);
          return Promise.resolve();
        },
        putFolder: (path) => {
          provider.putFolder(path);
          return Promise.resolve();
        },
        remove: (path) => {
          provider.remove(path);
          return Promise.resolve();
        },
        get: (path) => {
          const bytes = provider.get(path);
          return Promise.resolve(bytes === undefined ? undefined : Buffer.from(bytes));
        },
        tree: () => Promise.resolve(provider.tree({ hidden: true })),
      },
      close: () => provider.close(),
    });
  });
}
