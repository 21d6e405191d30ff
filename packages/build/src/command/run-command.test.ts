import { describe, expect, it } from 'vitest';
import { hostEnvironment } from './host-environment.ts';
import { runCommand } from './run-command.ts';

describe('runCommand', () => {
  it('gives back exit code, output and errors of the program', async () => {
    const result = await runCommand(['sh', '-c', 'cat; echo oops >&2; exit 3'], {
      env: hostEnvironment(),
      input: 'in',
    });
    expect([result.exitCode, result.stdout.toString(), result.stderr]).toEqual([3, 'in', 'oops\n']);
  });

  it('kills a program that writes more than it may', async () => {
    const run = runCommand(['sh', '-c', 'exec yes'], { env: hostEnvironment(), maxOutputBytes: 10_000 });
    await expect(run).rejects.toThrow(/more than 10000 bytes/);
  });

  it('stops when the signal fires', async () => {
    const controller = new AbortController();
    const run = runCommand(['sleep', '60'], { env: hostEnvironment(), signal: controller.signal });
    controller.abort();
    await expect(run).rejects.toThrow(/abort/i);
  });

  it('hands on no variable that is not named', async () => {
    const env = hostEnvironment({ EXTRA: '1' }, { PATH: process.env['PATH'], AWS_SECRET_ACCESS_KEY: 'hush' });
    const result = await runCommand(['env'], { env });
    expect(result.stdout.toString()).not.toContain('hush');
    expect(result.stdout.toString()).toContain('EXTRA=1');
  });
});
