import { cpus, release, totalmem } from 'node:os';

/** One line about the machine and the day: figures mean nothing without it. @param now when the run began */
export function machineFacts(now: Date): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() || 'unknown processor';
  const memory = Math.round(totalmem() / 1024 ** 3);
  return (
    `${now.toISOString().slice(0, 10)}: ${processors.length} cores (${model}), ${memory} GiB of memory, ` +
    `Linux ${release()}, Node ${process.versions.node}.`
  );
}
