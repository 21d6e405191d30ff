import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Digest } from '@galley/api/digest';
import type { BuildOptions } from '@galley/build/build';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture, openBuildHome, type BuildHome } from './build-home.ts';

/** Issue 3, "Bad input": each repository ends in one error that names the object and what to do, and leaves nothing half-made. */
let home: BuildHome;
let good: Digest;
beforeAll(async () => {
  home = await openBuildHome();
  good = (await home.build(fixture('doubles'), { name: 'doubles' })).image;
}, 300_000);
afterAll(() => home.dispose());

async function failure(path: string, options: Partial<BuildOptions> = {}): Promise<GalleyError> {
  const error: unknown = await home.build(path, options).catch((caught: unknown) => caught);
  if (error instanceof GalleyError) return error;
  throw new Error(`${path} did not fail with an error of ours: ${String(error)}`);
}

const cell = (number: number): object => ({ notebook: 'model.ipynb', cell: number });

describe('bad input of a build', () => {
  it.each([
    ['no-notebook', 'NO_NOTEBOOK', {}, /no notebook/, /folder that holds/],
    [
      'two-notebooks-no-order',
      'SEVERAL_NOTEBOOKS',
      { notebooks: ['one.ipynb', 'two.ipynb'] },
      /2 notebooks/,
      /one\.ipynb/,
    ],
    ['broken-notebook', 'NOTEBOOK_INVALID', { notebook: 'model.ipynb' }, /merge/, /Jupyter/],
    [
      'cell-raises',
      'NOTEBOOK_FAILED',
      cell(2),
      /model\.ipynb cell 2 failed: ZeroDivisionError/,
      /galley report/,
    ],
    ['cell-never-ends', 'CELL_TIMEOUT', cell(2), /cell 2 ran longer than 2 s/, /cellTimeout/],
    ['run-never-ends', 'BUILD_TIMEOUT', cell(2), /longer than 25 s; model\.ipynb cell 2/, /build\.timeout/],
    [
      'eats-memory',
      'NOTEBOOK_OUT_OF_MEMORY',
      cell(2),
      /cell 2 used more memory than its limit of 256Mi/,
      /memory: 512Mi/,
    ],
    ['nothing-bound', 'NO_MODEL', {}, /leaves nothing/, /predictor/],
    ['two-models', 'AMBIGUOUS_MODEL', {}, /low and high/, /predictor = NAME/],
    ['unpicklable-predictor', 'UNPICKLABLE_MODEL', {}, /lines/, /when predictor is called/],
    [
      'asks-refused-host',
      'EGRESS_DENIED',
      { ...cell(2), host: 'data.example.org:8080' },
      /cell 2/,
      /--allow data\.example\.org:8080/,
    ],
    ['asks-for-input', 'INPUT_ASKED', cell(1), /cell 1 asks for input/, /parameters/],
    ['imports-unknown-module', 'MODULE_MISSING', cell(1), /antigravity_sensor/, /requirements/],
    [
      'pin-without-wheel',
      'NO_WHEEL_FOR_PYTHON',
      { package: 'numpy' },
      /numpy 1\.15\.0/,
      /Python 3\.4, 3\.5, 3\.6, 3\.7/,
    ],
    [
      'package-that-does-not-exist',
      'PACKAGE_NOT_FOUND',
      { from: 'model.ipynb cell 1' },
      /no galley-no-such/,
      /Correct the name/,
    ],
    ['wrong-hash', 'HASH_MISMATCH', { from: 'requirements.txt line 1' }, /cloudpickle/, /hashes/],
    ['sample-row-fails', 'REHEARSAL_FAILED', { row: 3, request: { rows: [{ x: 0 }] } }, /Row 3/, /validator/],
    [
      'answer-changed-by-later-cell',
      'CHECK_NOT_REPRODUCED',
      {},
      /model\.ipynb cell 3: \[3\] instead of \[2\]/,
      /later cells/,
    ],
  ])('%s → %s', async (name, code, details, message, hint) => {
    const error = await failure(fixture(name), { name });
    expect(error).toMatchObject({ code, details });
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  it('names the rule that kept a file back, and takes the file along when told to', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'galley-ignored-'));
    await cp(fixture('misses-ignored-file'), folder, { recursive: true });
    await writeFile(join(folder, 'prices.csv'), 'apple,1.5\n');
    const error = await failure(folder, { name: 'ignored' });
    const result = await home.build(folder, { name: 'ignored' }, { include: ['prices.csv'] });
    await rm(folder, { recursive: true });
    expect(error).toMatchObject({
      code: 'FILE_IGNORED',
      details: { ...cell(2), path: 'prices.csv', rule: { file: '.gitignore', line: 2, pattern: '*.csv' } },
    });
    expect(error.hint).toContain("--include 'prices.csv'");
    expect(await home.store.has(result.image)).toBe(true);
  });

  it('holds a model to no answer that depends on chance, and says so', async () => {
    const name = 'answer-depends-on-chance';
    const { image } = await home.build(fixture(name), { name });
    expect(await home.store.has(image)).toBe(true);
    expect(home.events.map(({ reason }) => reason).join('\n')).toMatch(/1 not compared: the model answers/);
  });

  it('refuses a model that holds a secret, and shows its value to nobody', async () => {
    const token = 'not-for-the-image-9f2b';
    const secrets = [{ name: 'token' }];
    const error = await failure(fixture('keeps-secret'), { name: 'secret', secrets, reveal: () => token });
    expect(error).toMatchObject({ code: 'SECRET_IN_MODEL', details: { secret: '/run/secrets/token' } });
    expect(JSON.stringify([error, home.events])).not.toContain(token);
  });

  it('keeps report and executed notebook of a run that failed', async () => {
    const error = await failure(fixture('cell-raises'), { name: 'cell-raises' });
    const records = error.details['records'] as { report: Digest; executedNotebook: Digest };
    const report = JSON.stringify(await home.store.readJson(records.report));
    const notebook = JSON.stringify(await home.store.readJson(records.executedNotebook));
    expect(report).toContain('ZeroDivisionError');
    expect(notebook).toContain('"output_type":"error"');
  });

  it('stops at once when the signal fires, and leaves no workload', async () => {
    const controller = new AbortController();
    const stopAtCell = (event: { phase: string; step: string }): void => {
      if (event.phase === 'training' && event.step.includes('cell 2')) controller.abort(new Error('enough'));
    };
    const building = home.build(
      fixture('run-never-ends'),
      { name: 'stopped' },
      { signal: controller.signal, emit: stopAtCell },
    );
    await expect(building).rejects.toThrow('enough');
    expect(await home.engine.list()).toEqual([]);
  });

  it('leaves nothing behind: no workload, no half-made file, no tag, and the good build still whole', async () => {
    expect(await home.engine.list()).toEqual([]);
    const names = await readdir(home.root, { recursive: true });
    expect(names.filter((name) => name.endsWith('.part'))).toEqual([]);
    expect((await home.store.tags()).map(({ name }) => name).sort()).toEqual([
      'tests/answer-depends-on-chance:latest',
      'tests/doubles:latest',
      'tests/ignored:latest',
    ]);
    expect((await home.build(fixture('doubles'), { name: 'doubles' })).image).toBe(good);
  });
});
