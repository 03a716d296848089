import { describe, expect, it } from 'vitest';
import { mountAt, mountsBelow, parseMountinfo } from '../../../src/fuse/mount/mountinfo.js';

const text = `22 1 254:0 / / rw,relatime - ext4 /dev/root rw
24 22 0:23 / /sys rw,relatime shared:7 master:1 - sysfs sysfs rw
36 22 0:39 / /home/me/my\\040drive rw,nosuid,nodev,relatime - fuse.amarre sftpgo+https://host/a\\040b rw,user_id=0,group_id=0
37 36 0:40 / /home/me/my\\040drive/inner rw,relatime - tmpfs none rw
40 22 0:41 /sub /mnt rw,relatime - fuse.sshfs host: rw
41 40 0:42 / /mnt rw,relatime - fuse.amarre top rw
42 22 0:43 / /odd\\012\\134name rw -
`;

describe('the list of mounts', () => {
  const mounts = parseMountinfo(text);

  it('is read with optional fields, blanks and newlines in names; lines that end too early are left out', () => {
    expect(mounts.map(({ mountPoint }) => mountPoint)).toEqual([
      '/', '/sys', '/home/me/my drive', '/home/me/my drive/inner', '/mnt', '/mnt',
    ]);
    expect(mounts[2]).toEqual({
      id: 36, parent: 22, device: '0:39', mountPoint: '/home/me/my drive', type: 'fuse.amarre', source: 'sftpgo+https://host/a b',
    });
  });

  it('knows which mount a path shows, and what lies in it', () => {
    expect(mountAt(mounts, '/mnt')).toMatchObject({ id: 41, type: 'fuse.amarre' });
    expect(mountAt(mounts, '/mnt/x')).toBeUndefined();
    expect(mountsBelow(mounts, '/home/me/my drive').map(({ id }) => id)).toEqual([37]);
    expect(mountsBelow(mounts, '/home/me/my')).toEqual([]);
  });
});
