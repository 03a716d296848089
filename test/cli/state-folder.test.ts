import { describe, expect, test } from 'vitest';
import { defaultStateFolder } from '../../src/cli/state-folder.js';

const everywhere = () => true;
const nowhere = () => false;
const environment = { XDG_STATE_HOME: '/home/ann/state' };

describe('the state folder, where none is named', () => {
  test.each([
    ['of root', 0, everywhere, '/var/lib/amarre'],
    ['of root, where only the folder itself may be written', 0, (folder: string) => folder === '/var/lib/amarre', '/var/lib/amarre'],
    ['of root, the first time', 0, (folder: string) => folder === '/var/lib', '/var/lib/amarre'],
    ['of who is root in a user namespace alone', 0, nowhere, '/home/ann/state/amarre'],
    ['of a user', 1000, nowhere, '/home/ann/state/amarre'],
    ['of a user who may write everywhere', 1000, everywhere, '/home/ann/state/amarre'],
  ])('%s', (_, uid, mayWrite, folder) => {
    expect(defaultStateFolder(uid, environment, mayWrite)).toBe(folder);
  });

  test.each([{}, { XDG_STATE_HOME: '' }, { XDG_STATE_HOME: 'relative' }])('is below the home where %j', (variables) => {
    expect(defaultStateFolder(1000, variables, nowhere)).toMatch(/^\/.*\/\.local\/state\/amarre$/);
  });
});
