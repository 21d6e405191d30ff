/**
 * An abort signal that fires at the first SIGINT, SIGTERM or SIGHUP (the terminal was closed). A second Ctrl-C ends the process at once, as
 * people expect. A second SIGTERM does not: systemd sends one to every process of a service, and the launcher before us hands
 * its own on, so it comes twice from one stop.
 */
export function createAbortOnSignal(process: NodeJS.Process): {
  signal: AbortSignal;
  /** As if the signal had come. */
  abort: () => void;
  release: () => void;
} {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted && name === 'SIGINT') process.exit(130);
    controller.abort(new Error('interrupted'));
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    abort: () => onSignal('SIGINT'),
    release: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}
