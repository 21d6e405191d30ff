import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { galley } from '../cli/galley.ts';
import { leftovers } from './leftovers.ts';
import { startLab } from './running-lab.ts';

const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));
const owner = { uid: 4321, gid: 4322 };
const minute = 60_000;

let home: string;
let folder: string;
let browser: Browser;

const cells = [
  'import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.show()',
  'open("made.txt", "w").write("by the notebook")\nprint("wrote it")',
  // A magic, and not a %pip line: that one would be a requirement of the notebook itself.
  'get_ipython().run_line_magic("pip", "install tabulate==0.9.0")',
  'import importlib\nprint("installed", importlib.import_module("tabulate").__version__)',
];

beforeAll(async () => {
  if (browserPath === undefined)
    throw new Error('This proof needs a browser: apt-get install --no-install-recommends chromium');
  home = await mkdtemp(join(tmpdir(), 'galley-lab-home-'));
  folder = await mkdtemp(join(tmpdir(), 'galley-lab-'));
  await writeFile(join(folder, 'requirements.txt'), 'matplotlib\n');
  await writeFile(join(folder, 'work.ipynb'), notebookOf(cells));
  await mkdir(join(folder, '.git'));
  await writeFile(join(folder, '.git', 'config'), '[core]\n');
  for (const name of ['', 'requirements.txt', 'work.ipynb', '.git', '.git/config'])
    await chown(join(folder, name), owner.uid, owner.gid);
  browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] });
}, minute);

afterAll(async () => {
  await browser?.close();
  for (const path of [home, folder]) if (path !== undefined) await rm(path, { recursive: true, force: true });
});

test(
  'a person works in a folder, installs a package, wrecks the environment, captures, resets and builds again',
  { timeout: 30 * minute },
  async () => {
    // In a browser, as a person: a plot, a file, a package.
    const first = await startLab(home, [folder]);
    try {
      await workInBrowser(first.url);
      const before = unpacked();
      expect(await first.run(attemptsOn(home))).toBe('');
      expect(
        await first.run('import shutil, sys; shutil.rmtree(sys.prefix + "/bin"); print("wrecked")'),
      ).toBe('wrecked\n');
      expect(unpacked()).toBe(before);
      const busy = await galley(['lab', folder, '--capture'], { home });
      expect(busy.stderr).toContain('LAB_IN_USE');
      // Who works for hours keeps nobody from building.
      expect((await galley(['image', 'list'], { home })).stdout).toContain(':lab');
    } finally {
      const { said, exitCode } = await first.stop();
      expect(said).toContain('Installed here: tabulate 0.9.0.');
      expect(exitCode).toBe(0);
    }
    expect(readFileSync(join(folder, 'made.txt'), 'utf8')).toBe('by the notebook');
    for (const name of await readdir(folder)) expect(lstatSync(join(folder, name))).toMatchObject(owner);
    expect(readFileSync(join(folder, '.git', 'config'), 'utf8')).toBe('[core]\n');
    expect(await leftovers(join(home, 'lab'))).toEqual([]);

    // Captured although the environment is wrecked, with the hash that the index handed over.
    const captured = await galley(['lab', folder, '--capture', '-o', 'json'], { home });
    expect(captured.exitCode, captured.stderr).toBe(0);
    const { installed } = JSON.parse(captured.stdout) as { installed: { name: string; sha256: string }[] };
    expect(installed.map(({ name }) => name)).toEqual(['tabulate']);
    const lock = readFileSync(join(folder, 'pylock.toml'), 'utf8');
    expect(lock).toContain(installed[0]?.sha256);
    expect(lstatSync(join(folder, 'pylock.toml'))).toMatchObject(owner);

    // Reset: the next session is whole, and has the package from the image.
    const where = 'import tabulate, sys; print(tabulate.__file__.split("/lib/")[0])';
    const second = await startLab(home, [folder, '--reset']);
    try {
      expect(await second.run(where)).toBe('/opt/galley/env\n');
    } finally {
      await second.stop();
    }
    const plan = await galley(['build', folder, '--plan', '-o', 'json'], { home });
    expect(plan.stdout).toContain('"tabulate"');
  },
);

test(
  'what was installed is there in the next session, and only in that folder',
  { timeout: 20 * minute },
  async () => {
    const other = await mkdtemp(join(tmpdir(), 'galley-lab-other-'));
    const find = 'import importlib.util; print(importlib.util.find_spec("emoji") is not None)';
    try {
      const install = 'get_ipython().run_line_magic("pip", "install -q emoji==2.14.0")';
      for (const [path, code, expected] of [
        [folder, `${install}\n${find}`, 'True'],
        [folder, find, 'True'],
        [other, find, 'False'],
      ] as const) {
        const lab = await startLab(home, [path]);
        try {
          expect((await lab.run(code)).trim().split('\n').at(-1)).toBe(expected);
        } finally {
          await lab.stop();
        }
      }
    } finally {
      await rm(other, { recursive: true, force: true });
    }
  },
);

/** Prints what it could do that it must not. */
const attemptsOn = (hostFolder: string): string => `
import os, socket, urllib.request
def attempt(name, do):
    try: do()
    except Exception: return
    print(name)
attempt("the image is written", lambda: open("/opt/galley/env/x", "w"))
attempt("git's configuration is written", lambda: open(".git/config", "a"))
attempt("the host is seen", lambda: os.listdir("${hostFolder}"))
attempt("the network is reached", lambda: socket.create_connection(("1.1.1.1", 53), 3))
attempt("a host is reached by the proxy", lambda: urllib.request.urlopen("http://example.org/", timeout=5))
attempt("a set-id bit is set", lambda: os.chmod("made.txt", 0o4755))
`;

async function workInBrowser(url: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1300, height: 900 } });
  try {
    await page.goto(url.replace('/lab?', '/lab/tree/work.ipynb?'), { timeout: 2 * minute });
    const notebook = page.locator('.jp-Notebook');
    await notebook
      .locator('.jp-CodeCell')
      .first()
      .waitFor({ timeout: 2 * minute });
    // The kernel is chosen without asking.
    await page.getByText('Python 3 (ipykernel) | Idle').waitFor({ timeout: 2 * minute });
    await page.getByRole('menuitem', { name: 'Run', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Run All Cells', exact: true }).click();
    const output = notebook.locator('.jp-OutputArea-output');
    await output.filter({ hasText: 'installed 0.9.0' }).waitFor({ timeout: 5 * minute });
    await notebook.locator('.jp-OutputArea-output img').waitFor({ timeout: minute });
    const picture = process.env['GALLEY_LAB_PICTURE'];
    if (picture !== undefined) await page.screenshot({ path: picture });
    await page.keyboard.press('Control+s');
    await expect
      .poll(() => readFileSync(join(folder, 'work.ipynb'), 'utf8'), { timeout: minute })
      .toContain('image/png');
  } finally {
    await page.close();
  }
}

/** Every file of the unpacked images with the time of its last change of any kind. */
function unpacked(): string {
  const snapshots = join(home, 'lab', 'engine', 'snapshots');
  return execFileSync('sh', ['-c', `find "$1" -printf '%p %C@ %s\\n' | sort | sha256sum`, 'sh', snapshots], {
    encoding: 'utf8',
  });
}

function notebookOf(sources: readonly string[]): string {
  return JSON.stringify({
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: sources.map((source, index) => ({
      cell_type: 'code',
      id: `cell-${index}`,
      metadata: {},
      execution_count: null,
      outputs: [],
      source,
    })),
  });
}
