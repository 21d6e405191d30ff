import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Layout, WorkloadPaths } from '../layout.ts';
import { identify, type ProcessIdentity } from './process-identity.ts';
import { plainEnvironment } from './run-command.ts';

/** A created container: its init waits for `runc start`, and conmon waits for its end. */
export interface CreatedContainer {
  readonly init: ProcessIdentity;
  readonly conmon: ProcessIdentity | undefined;
}

/** `runc create` takes 40 ms; a machine under load may take a hundred times that. */
const createDeadlineMs = 60_000;

/**
 * Has conmon create the container. conmon answers on the pipe at fd 3 (`_OCI_SYNCPIPE`): without it it reports success
 * even if the creation failed (engine.md §8). Throws `ENGINE_FAILED` with what runc said.
 */
export async function createContainer(
  layout: Layout,
  paths: WorkloadPaths,
  id: string,
  runc: string,
): Promise<CreatedContainer> {
  const pidFile = join(paths.bundle, 'init.pid');
  const conmonPidFile = join(paths.bundle, 'conmon.pid');
  const args = [
    '--api-version=1',
    `--cid=${id}`,
    `--cuuid=${id}`,
    `--name=${id}`,
    `--runtime=${runc}`,
    `--bundle=${paths.bundle}`,
    `--container-pidfile=${pidFile}`,
    `--conmon-pidfile=${conmonPidFile}`,
    `--exit-dir=${layout.exits}`,
    `--persist-dir=${paths.bundle}`,
    `--log-path=k8s-file:${paths.log}`,
    '--full-attach',
    `--runtime-arg=--root=${layout.runcState}`,
  ];
  // A file and never a pipe: runc keeps it open, and we would wait for its end for ever (runc#1047).
  const stderr = openSync(join(paths.bundle, 'conmon.log'), 'a', 0o600);
  let answer: { pid: number; message: string };
  try {
    const child = spawn('conmon', args, {
      cwd: paths.bundle,
      detached: true, // Ctrl-C on a foreground server must not reach it.
      // UTF-8, or it refuses arguments such as a log path with an umlaut (GLib reads them in the encoding of the locale).
      env: { ...plainEnvironment, LC_ALL: 'C.UTF-8', _OCI_SYNCPIPE: '3' },
      stdio: ['ignore', stderr, stderr, 'pipe'],
    });
    child.unref();
    // stdio[3] is a pipe by the options above.
    answer = await readAnswer(
      child.stdio[3] as Readable,
      new Promise((_, reject) => child.once('error', reject)),
    );
  } finally {
    closeSync(stderr);
  }
  const init = answer.pid > 0 ? identify(answer.pid) : undefined;
  if (init === undefined) {
    throw new GalleyError(
      'ENGINE_FAILED',
      `The workload ${id} could not be created: ${tidy(answer.message)}`,
    );
  }
  const conmonPid = Number(await readFile(conmonPidFile, 'utf8'));
  return { init, conmon: identify(conmonPid) };
}

async function readAnswer(pipe: Readable, failed: Promise<never>): Promise<{ pid: number; message: string }> {
  const timer = setTimeout(() => pipe.destroy(new Error('conmon did not answer')), createDeadlineMs);
  const read = async (): Promise<string> => {
    let text = '';
    for await (const chunk of pipe) {
      text += String(chunk);
      if (text.includes('\n')) break;
    }
    return text;
  };
  try {
    const text = await Promise.race([read(), failed]);
    if (text === '') return { pid: -1, message: 'conmon ended without an answer' };
    // One JSON object a line, by conmon; a message only when pid is negative.
    const answer = JSON.parse(text) as { pid?: number; data?: number; message?: string };
    return { pid: answer.data ?? answer.pid ?? -1, message: answer.message ?? '' };
  } catch (error) {
    throw new GalleyError('ENGINE_FAILED', 'conmon could not be used.', { cause: error });
  } finally {
    clearTimeout(timer);
    pipe.destroy();
  }
}

/** runc's own words, without its log format around them. */
function tidy(message: string): string {
  const inner = /msg="(.*)"\s*$/s.exec(message.trim())?.[1];
  return (inner ?? message).replaceAll('\\"', '"').slice(0, 2000);
}
