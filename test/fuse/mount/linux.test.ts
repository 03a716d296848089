import { afterEach, describe, expect, it, vi } from 'vitest';
import { silentLog } from '../../../src/observe/log.js';
import { mountData, mountOnLinux } from '../../../src/fuse/mount/linux.js';
import { hasLargeThreadPool, threadPoolEnvironment } from '../../../src/fuse/thread-pool.js';

const options = { mountpoint: '/mnt', fsname: 'drive', allowOther: false, readOnly: false, uid: 1000, gid: 100 };

describe('the options of a mount', () => {
  it('always hold default_permissions, and allow_other or ro where they are asked for', () => {
    const always = 'fd=3,rootmode=40000,user_id=1000,group_id=100,default_permissions,max_read=1048576,nosuid,nodev';
    expect(mountData(options)).toBe(always);
    expect(mountData({ ...options, allowOther: true })).toBe(`${always},allow_other`);
    expect(mountData({ ...options, readOnly: true })).toBe(`${always},ro`);
  });
});

describe('mounting', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('without root is refused with a line that says what to do', async () => {
    vi.spyOn(process, 'geteuid').mockReturnValue(1000);
    await expect(mountOnLinux(options, silentLog())).rejects.toMatchObject({
      name: 'FsError', errno: 'EPERM', message: 'mounting needs root on this machine: run as root, or with sudo',
    });
  });
});

describe('the thread pool', () => {
  it('has 16 threads at least, more where the person wants more', () => {
    expect(threadPoolEnvironment({ PATH: '/bin' })).toEqual({ PATH: '/bin', UV_THREADPOOL_SIZE: '16' });
    expect(threadPoolEnvironment({ UV_THREADPOOL_SIZE: '4' })).toEqual({ UV_THREADPOOL_SIZE: '16' });
    expect(threadPoolEnvironment({ UV_THREADPOOL_SIZE: '64' })).toEqual({ UV_THREADPOOL_SIZE: '64' });
    expect(threadPoolEnvironment({ UV_THREADPOOL_SIZE: 'many' })).toEqual({ UV_THREADPOOL_SIZE: '16' });
    expect([hasLargeThreadPool({}), hasLargeThreadPool({ UV_THREADPOOL_SIZE: '16' })]).toEqual([false, true]);
  });
});
