import { describe, expect, it } from 'vitest';
import { helperData, mountData } from '../../../src/fuse/mount/options.js';
import { hasLargeThreadPool, threadPoolEnvironment } from '../../../src/fuse/thread-pool.js';

const options = { mountpoint: '/mnt', fsname: 'drive', allowOther: false, readOnly: false, uid: 1000, gid: 100 };

describe('the options of a mount', () => {
  it('always hold default_permissions, and allow_other or ro where they are asked for', () => {
    const always = 'fd=3,rootmode=40000,user_id=1000,group_id=100,default_permissions,max_read=1048576,nosuid,nodev';
    expect(mountData(options)).toBe(always);
    expect(mountData({ ...options, allowOther: true })).toBe(`${always},allow_other`);
    expect(mountData({ ...options, readOnly: true })).toBe(`${always},ro`);
  });

  it('are the same for fusermount3, with source and type in them', () => {
    const always = 'fsname=drive,subtype=amarre,default_permissions,max_read=1048576';
    expect(helperData(options)).toBe(always);
    expect(helperData({ ...options, allowOther: true, readOnly: true })).toBe(`${always},allow_other,ro`);
    expect(helperData({ ...options, fsname: 'host/a,b\\c' })).toContain('fsname=host/a\\,b\\\\c,subtype');
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
