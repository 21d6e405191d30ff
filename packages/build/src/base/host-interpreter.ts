import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A Python that this machine has besides Debian's, as pyenv, uv or `make install` laid it down. */
export interface HostInterpreter {
  /** `3.8`. */
  readonly python: string;
  /** `3.8.18`. */
  readonly pythonFull: string;
  /** The folder that holds its `bin` and `lib`. */
  readonly prefix: string;
  /** Who put it there, for people: `pyenv`, `uv`, `/usr/local`. */
  readonly from: string;
}

/**
 * What the machine offers, newest first, one a minor version. Nothing is run: the version stands in the interpreter's own `patchlevel.h`.
 * Versions before `oldestMinor` are left out: the runtime that every image carries would not run on them.
 */
export async function findHostInterpreters(
  env: NodeJS.ProcessEnv = process.env,
): Promise<readonly HostInterpreter[]> {
  const home = env['HOME'] ?? homedir();
  const pyenv = join(env['PYENV_ROOT'] ?? join(home, '.pyenv'), 'versions');
  const uv =
    env['UV_PYTHON_INSTALL_DIR'] ?? join(env['XDG_DATA_HOME'] ?? join(home, '.local/share'), 'uv/python');
  const found = await Promise.all([
    ...(await foldersIn(pyenv)).map((prefix) => interpretersIn(prefix, 'pyenv')),
    ...(await foldersIn(uv)).map((prefix) => interpretersIn(prefix, 'uv')),
    interpretersIn('/usr/local', '/usr/local'),
  ]);
  const byMinor = new Map<string, HostInterpreter>();
  for (const one of found.flat()) {
    const known = byMinor.get(one.python);
    if (known === undefined || patchOf(one) > patchOf(known)) byMinor.set(one.python, one);
  }
  return [...byMinor.values()]
    .filter((one) => minorOf(one) >= oldestMinor)
    .sort((a, b) => minorOf(b) - minorOf(a));
}

/**
 * The runtime's oldest Python; `runtime/tests/test_oldest_python.py` holds it to that. 3.7 reads its syntax but lacks what it calls (`shutil.copytree(dirs_exist_ok)`,
 * `math.prod`, `code.replace`, positions of ends in `ast`), 3.6 not even that. Packages are not in the way: uv finds wheels of both (`cp37m`, `cp36m`).
 */
export const oldestMinor = 8;

/** Real folders only: uv and pyenv both keep links such as `3.8` beside `3.8.18`. */
async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
}

async function interpretersIn(prefix: string, from: string): Promise<readonly HostInterpreter[]> {
  const names = await readdir(join(prefix, 'bin')).catch(() => []);
  const minors = names.flatMap((name) => /^python(3\.\d+)$/.exec(name)?.[1] ?? []);
  const found = await Promise.all(
    minors.map(async (python): Promise<readonly HostInterpreter[]> => {
      const header = join(prefix, `include/python${python}/patchlevel.h`);
      const text = await readFile(header, 'utf8').catch(() => '');
      const pythonFull = /^#define\s+PY_VERSION\s+"(3\.\d+\.\d+)"/m.exec(text)?.[1];
      return pythonFull === undefined ? [] : [{ python, pythonFull, prefix, from }];
    }),
  );
  return found.flat();
}

function minorOf({ python }: HostInterpreter): number {
  return Number(python.split('.')[1]);
}

function patchOf({ pythonFull }: HostInterpreter): number {
  return Number(pythonFull.split('.')[2]);
}
