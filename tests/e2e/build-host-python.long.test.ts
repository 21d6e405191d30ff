import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readImage } from '@galley/image/assemble/read-image';
import { findHostInterpreters } from '@galley/build/base/host-interpreter';
import { supportedPythons } from '@galley/build/base/base-lock';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixture, openBuildHome, type BuildHome } from './build-home.ts';

/** A Python that no suite of Debian has, of the machine that the test runs on. */
const own = (await findHostInterpreters()).filter(({ python }) => !supportedPythons.includes(python));

let home: BuildHome;
beforeAll(async () => {
  home = await openBuildHome();
});
afterAll(() => home.dispose());

test.skipIf(own.length === 0).each(own)(
  'a repository that asks for Python $pythonFull is built with the one of this machine, and says that nobody else can make the same',
  { timeout: 600_000 },
  async ({ python, pythonFull }) => {
    const path = await mkdtemp(join(tmpdir(), 'galley-own-python-'));
    try {
      await cp(fixture('doubles'), path, { recursive: true });
      await writeFile(join(path, '.python-version'), `${python}\n`);
      const result = await home.build(path);
      const { config } = await readImage(home.store, result.image);
      expect(config.config?.Labels?.['dev.galley.reproducible']).toBe('false');
      expect(result.layers.find(({ role }) => role === 'base')?.from).toContain(pythonFull);
    } finally {
      await rm(path, { recursive: true, force: true });
    }
  },
);
