import { homeLayout } from '@galley/control/owner/home';
import { readServerFile, type ServerFile } from '@galley/control/owner/server-file';

export type RunningServer = ServerFile;

/** The live owner of a home, or undefined. What a crash left behind names a process that is gone, and counts as nothing. */
export async function findServer(home: string): Promise<RunningServer | undefined> {
  return readServerFile(homeLayout(home).serverFile);
}
