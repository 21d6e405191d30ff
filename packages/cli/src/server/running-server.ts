import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the owner of a home writes into `server.json` when it answers. */
export interface RunningServer {
  readonly pid: number;
  /** Clock ticks since boot at which the process started: a pid alone is used again (nomad-driver-exec2#9). */
  readonly startTime: string;
  readonly api: string;
  readonly gateway: string;
  readonly tokenFile: string;
  readonly caFile: string;
}

/** The live owner of a home, or undefined. A file that a crash left behind names a process that is gone or another one. */
export async function findServer(home: string): Promise<RunningServer | undefined> {
  const text = await readFile(join(home, 'server.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const server = JSON.parse(text) as RunningServer;
  return (await startTimeOf(server.pid)) === server.startTime ? server : undefined;
}

/** Field 22 of /proc/PID/stat; undefined when there is no such process. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The second field is the command in parentheses and may hold spaces.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}
