import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { plainEnvironment } from './run-command.ts';

/** The absolute path of a program of the system; undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  for (const directory of (plainEnvironment['PATH'] ?? '').split(':')) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}
