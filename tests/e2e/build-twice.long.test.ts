import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { BuildResult } from '@galley/build/build';
import { openBuildHome } from './build-home.ts';

/** DESIGN.md §4: base, dependency, tools and code layers are a function of their inputs; so is a model whose notebook is. */
async function buildFresh(example: string): Promise<BuildResult> {
  const home = await openBuildHome();
  try {
    const path = fileURLToPath(new URL(`../../examples/${example}`, import.meta.url));
    return await home.build(path, { name: example });
  } finally {
    await home.dispose();
  }
}

it.each(['iris', 'flight-delay'])(
  '%s gives the same image in two homes that share nothing',
  { timeout: 900_000 },
  async (example) => {
    const one = await buildFresh(example);
    const two = await buildFresh(example);
    const digests = (result: BuildResult): readonly (readonly string[])[] =>
      result.layers.map(({ role, digest }) => [role, digest]);
    expect(digests(two)).toEqual(digests(one));
    expect(two.image).toBe(one.image);
  },
);
