import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { BuildResult } from '@galley/build/build';
import { fixture, openBuildHome } from './build-home.ts';

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

/** What a person's account decides and a build must not see. */
const accounts = [
  { folder: 'one', umask: '022', env: { TZ: 'UTC', LANG: 'C.UTF-8' } },
  {
    folder: 'a folder/with ünusual names',
    umask: '077',
    env: { TZ: 'Asia/Tokyo', LANG: 'de_DE.UTF-8', USER: 'other' },
  },
];

async function buildAs(account: (typeof accounts)[number], root: string): Promise<string> {
  const path = join(root, account.folder, 'doubles');
  const script = fileURLToPath(new URL('build-once.ts', import.meta.url));
  // A shell, for the umask: Node's own would hold for this process as well.
  const command = `umask ${account.umask} && cp -r "$1" "$2" && exec "$3" "$4" "$5" "$2"`;
  await cp(fixture('doubles'), join(root, account.folder, 'original'), { recursive: true });
  const { stdout } = await promisify(execFile)(
    'sh',
    [
      '-c',
      command,
      'sh',
      join(root, account.folder, 'original'),
      path,
      process.execPath,
      script,
      join(root, account.folder, 'home'),
    ],
    { env: { ...process.env, ...account.env } },
  );
  return stdout
    .split('\n')
    .filter((line) => /^(environment|image) sha256:/.test(line))
    .join('\n');
}

it(
  'one input gives one environment and one image, whatever the path, the time zone, the umask and the language',
  { timeout: 600_000 },
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'galley-anywhere-'));
    try {
      const found: string[] = [];
      for (const account of accounts) found.push(await buildAs(account, root));
      expect(found[0]).toMatch(/^environment sha256:[0-9a-f]{64}\nimage sha256:[0-9a-f]{64}$/);
      expect(found[1]).toBe(found[0]);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  },
);
