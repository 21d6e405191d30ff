import { describe, expect, it } from 'vitest';
import { explainRun, type FailedRun } from './explain-run.ts';
import { findSecrets, redactSecrets, redactValue } from './find-secrets.ts';
import { parseReportLine } from './report.ts';
import { tellProgress } from './progress.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const started = parseReportLine({ notebook: 'a.ipynb', cell: 3, state: 'started', firstLine: 'train()' });
const raised = (type: string, message: string) =>
  parseReportLine({
    notebook: 'a.ipynb',
    cell: 3,
    state: 'failed',
    error: { type, message, traceback: 'tb', source: 'train()' },
  });

function run(change: Partial<FailedRun> & { reason?: string; exitCode?: number }): FailedRun {
  const { reason, exitCode, ...rest } = change;
  return {
    application: 'x',
    status: {
      id: 'train-1',
      specHash: '',
      phase: 'failed',
      refusedHosts: [],
      reachedHosts: [],
      labels: {},
      ...(reason === undefined ? {} : { reason }),
      ...(exitCode === undefined ? {} : { exitCode }),
    },
    oomKills: 0,
    lines: [started],
    outcome: '',
    message: '',
    candidates: [],
    refused: [],
    allowedHosts: [],
    missingFiles: [],
    ignored: new Map(),
    memoryBytes: 1 << 30,
    diskBytes: 16 * 2 ** 30,
    timeoutMs: 60_000,
    cellTimeoutMs: 0,
    guessedRequirements: false,
    stderr: [],
    records: {},
    ...rest,
  };
}

describe('why a run failed', () => {
  it.each([
    ['a crash of native code', run({ exitCode: 139 }), 'WORKLOAD_KILLED', /a\.ipynb cell 3 .*exit code 139/],
    [
      'the disk',
      run({ reason: 'DiskFull', exitCode: 1 }),
      'NOTEBOOK_DISK_FULL',
      /cell 3 wrote more than its limit of 16Gi/,
    ],
    [
      'no room left',
      run({ lines: [raised('OSError', '[Errno 28] No space left on device')] }),
      'NOTEBOOK_DISK_FULL',
      /cell 3/,
    ],
    [
      'memory, the whole group killed',
      run({ reason: 'OOMKilled', exitCode: 137 }),
      'NOTEBOOK_OUT_OF_MEMORY',
      /cell 3 .*1Gi/,
    ],
    [
      'memory, only the kernel killed',
      run({ oomKills: 1, lines: [raised('KernelDied', 'killed')] }),
      'NOTEBOOK_OUT_OF_MEMORY',
      /cell 3/,
    ],
    [
      'an error of the cell although something was killed',
      run({ oomKills: 1, lines: [raised('ValueError', 'no')] }),
      'NOTEBOOK_FAILED',
      /ValueError: no/,
    ],
    [
      'an error that has nothing to do with an earlier refusal',
      {
        ...run({ lines: [raised('KeyError', "'x'")] }),
        status: { ...run({}).status, refusedHosts: ['h:1'] },
      },
      'NOTEBOOK_FAILED',
      /KeyError/,
    ],
    ['the engine that lost it', run({ reason: 'Lost' }), 'WORKLOAD_KILLED', /Lost/],
  ])('%s', (_, failed, code, message) => {
    const error = explainRun(failed);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('reads what hostile code wrote into a report without trusting it', () => {
    expect(parseReportLine({ notebook: 7, cell: 'x', error: 'none', warnings: [1, 'w'] })).toEqual({
      notebook: '',
      cell: 0,
      state: '',
      seconds: 0,
      reused: false,
      firstLine: '',
      warnings: ['w'],
    });
  });
});

describe('progress of a run', () => {
  it('comes only from lines of the runtime, with words of reasonable length', () => {
    const events: unknown[] = [];
    const tell = (text: string): void =>
      tellProgress({ time: '', stream: 'stdout', text }, (event) => void events.push(event), 'build/x');
    tell(
      '{"galley": "progress", "phase": "training", "step": "a cell 1", "state": "done", "done": 1, "total": 2, "unit": "cells"}',
    );
    tell('{"galley": "progress", "state": "launched"}');
    tell('{"galley": "progress", "state": "done", "step": ');
    tell('printed by somebody');
    expect(events).toEqual([
      {
        object: 'build/x',
        phase: 'training',
        step: 'a cell 1',
        state: 'done',
        done: 1,
        total: 2,
        unit: 'cells',
      },
    ]);
  });
});

describe('secrets of a run', () => {
  const secrets = { '/run/secrets/token': 'tok-12345 "quoted"' };

  it('are found across the border of two chunks, plain and as base64', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'galley-secret-'));
    const value = secrets['/run/secrets/token'];
    const place = async (name: string, content: string): Promise<void> => {
      await writeFile(join(folder, name), content);
      const file = { path: name, size: content.length, executable: false, file: join(folder, name) };
      await findSecrets([file], secrets);
    };
    await expect(place('a', 'x'.repeat(1024 * 1024 - 5) + value)).rejects.toMatchObject({
      code: 'SECRET_IN_MODEL',
    });
    await expect(place('b', Buffer.from(value).toString('base64'))).rejects.toMatchObject({
      code: 'SECRET_IN_MODEL',
    });
    await expect(place('c', 'tok-1234 is only a part')).resolves.toBeUndefined();
    await rm(folder, { recursive: true });
  });

  it('are taken out of JSON: also of a text in pieces, of several lines, of names, and of a number', () => {
    const lines = { key: 'first line of it\nsecond', pin: '12345678' };
    const told = redactValue(
      { text: ['a first line of it\n', 'second b\n'], log: ['x first line of it'], 12345678: 1, n: 12345678 },
      lines,
    );
    expect(told).toEqual({
      text: ['a [secret]\n', 'second b\n'],
      log: ['x [secret]'],
      '[secret]': 1,
      n: '[secret]',
    });
    expect(redactValue({ text: ['to', 'k-12345 "quoted" b\n', 'c'] }, secrets)).toEqual({
      text: ['[secret] b\n', 'c'],
    });
  });

  it('are taken out of what people read, as they are and as JSON spells them', () => {
    expect(redactSecrets('a tok-12345 "quoted" b', secrets)).toBe('a [secret] b');
    expect(redactSecrets(JSON.stringify({ out: 'tok-12345 "quoted"' }), secrets)).toBe('{"out":"[secret]"}');
  });
});
