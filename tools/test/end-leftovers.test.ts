import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { endLeftovers, runVariable } from './end-leftovers.ts';

/** A process that has left its group, as a server in the background has; it answers when it is up. */
async function start(run: string, script: string): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', `${script} echo up; while :; do sleep 0.1; done`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'], [runVariable]: run },
  });
  if (child.stdout !== null) await once(child.stdout, 'data');
  return child;
}

test('processes of a run are ended wherever they are, those that do not listen at once, and others go on', async () => {
  const [run, other] = [randomUUID(), randomUUID()];
  const polite = await start(run, "trap 'exit 7' TERM;");
  const deaf = await start(run, "trap '' TERM;");
  const stranger = await start(other, '');
  try {
    const ended = Promise.all([once(polite, 'exit'), once(deaf, 'exit')]);
    await endLeftovers(run, 1000);
    expect(await ended).toEqual([
      [7, null],
      [null, 'SIGKILL'],
    ]);
    expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null]);
  } finally {
    for (const child of [polite, deaf, stranger]) child.kill('SIGKILL');
  }
});
