/**
 * An AbortSignal that Ctrl-C, SIGTERM or a lost terminal aborts, with the name of the signal as its reason.
 * `release()` gives the signals back, so that the task's own handling is all there is afterwards.
 */
export function cancellation() {
  const controller = new AbortController();
  const handlers = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((name) => {
    const handler = () => controller.abort(name);
    process.on(name, handler);
    return [name, handler];
  });
  return {
    signal: controller.signal,
    release() {
      for (const [name, handler] of handlers) process.off(name, handler);
    },
  };
}
