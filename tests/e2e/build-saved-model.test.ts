import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBuildHome, type BuildHome } from './build-home.ts';
import { goldenOf, layRepository } from './made-repository.ts';

/** A saved model, from its file to an image that answers: real base, real containers, no package, so that it is quick. */
let home: BuildHome;
let root: string;
beforeAll(async () => {
  home = await openBuildHome();
  root = await mkdtemp(join(tmpdir(), 'galley-saved-'));
}, 60_000);
afterAll(async () => {
  await home.dispose();
  await rm(root, { recursive: true, force: true });
});

/** `module.name` called with these texts, as a pickle of protocol 0 says it. */
const callOf = (module: string, name: string, ...texts: readonly string[]): string =>
  `c${module}\n${name}\n(${texts.map((text) => `V${text}\n`).join('')}tR.`;

it('is built without a notebook, and answers rows as those beside it', { timeout: 400_000 }, async () => {
  const own = [
    'class Model:',
    '    n_features_in_ = 2',
    '    def predict(self, rows):',
    '        return [a + b for a, b in rows]',
  ];
  const folder = await layRepository(root, {
    'sum.pkl': callOf('own', 'Model'),
    'own.py': own.join('\n'),
    'reference.csv': 'a,b\n20,22\n1,2\n',
  });
  const result = await home.build(folder, { name: 'sum' });
  expect(await goldenOf(home.store, result)).toMatchObject({ rows: [{ a: 20, b: 22 }], predictions: [42] });
  expect([result.recipe.strategy, result.recipe.notebooks]).toEqual(['model', ['sum.pkl']]);
  expect(result.reference).toBeDefined();
});

it('runs what a hostile pickle says inside its sandbox only', { timeout: 400_000 }, async () => {
  const kept = join(root, 'kept-on-the-host');
  const mark = join(root, 'it-ran-on-the-host');
  await writeFile(kept, 'of the host');
  // It says what it reached, and Galley must quote it: otherwise nothing would tell a held attempt from none.
  const code = [
    'import os, socket',
    'reached = []',
    'def attempt(name, action):',
    '    try:',
    '        action()',
    '        reached.append(name)',
    '    except OSError:',
    '        pass',
    `attempt("host file", lambda: open("${kept}").read())`,
    'attempt("network", lambda: socket.create_connection(("1.1.1.1", 443), 3))',
    'os.system("touch /tmp/in-the-sandbox")',
    'said = "in the sandbox" if os.path.exists("/tmp/in-the-sandbox") else "nowhere"',
    'raise RuntimeError(f"ran {said} and reached {reached}")',
  ].join('\\u000a');
  // First a command, whose answer is dropped; then code in a namespace of its own.
  const hostile = `${callOf('posix', 'system', `touch ${mark}`).slice(0, -1)}0cbuiltins\nexec\n(V${code}\n}tR.`;
  const folder = await layRepository(root, { 'm.pkl': hostile });
  const error = await home.build(folder, { name: 'hostile' }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'MODEL_FILE_INVALID',
    message: expect.stringContaining('ran in the sandbox and reached []'),
  });
  await expect(readFile(mark)).rejects.toMatchObject({ code: 'ENOENT' });
});
