/**
 * Node's thread pool, sized for a mount. The device's reads hold two threads for good and a notice may
 * hold a third; the rest serves staging files, DNS and large replies. The size is fixed when the pool is
 * first used, which loading an ES module does: it must be in the environment when the process starts.
 */
export const threadPoolSize = 16;

/** The environment for a process that mounts: `base` with a pool that is large enough. */
export function threadPoolEnvironment(base: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return hasLargeThreadPool(base) ? base : { ...base, UV_THREADPOOL_SIZE: String(threadPoolSize) };
}

/** True where a process started with this environment has the threads that a mount needs. */
export function hasLargeThreadPool(environment: NodeJS.ProcessEnv): boolean {
  return Number(environment['UV_THREADPOOL_SIZE'] ?? 4) >= threadPoolSize;
}
