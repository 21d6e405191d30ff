import { readFile } from 'node:fs/promises';
import { mustRun, runCommand } from '../process/run-command.ts';

/** Mount points at or below `directory`, deepest first. */
export async function mountsBelow(directory: string): Promise<string[]> {
  const points: string[] = [];
  for (const line of (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')) {
    const point = unescapeMountPoint(line.split(' ')[4] ?? '');
    if (point === directory || point.startsWith(`${directory}/`)) points.push(point);
  }
  return points.toReversed();
}

/** Unmounts everything at or below `directory`; what is busy is detached, and goes when its last user does. */
export async function unmountBelow(directory: string): Promise<void> {
  const points = await mountsBelow(directory);
  if (points.length === 0) return;
  if ((await runCommand('umount', points)).code === 0) return;
  for (const point of await mountsBelow(directory)) await mustRun('umount', ['-l', point]);
}

function unescapeMountPoint(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
