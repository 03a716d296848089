/** Ctrl-C, SIGTERM and a closed terminal, as a signal for what waits. */
const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** From now on these abort `signal` instead of ending the process, until `forget`. */
export function untilInterrupted(): { readonly signal: AbortSignal; readonly forget: () => void } {
  const controller = new AbortController();
  const abort = () => controller.abort();
  for (const name of names) process.on(name, abort);
  return {
    signal: controller.signal,
    forget: () => {
      for (const name of names) process.off(name, abort);
    },
  };
}
