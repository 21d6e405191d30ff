import { createHash } from 'node:crypto';
import { lstat, readFile, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { packTree } from '@galley/image/layer/pack-tree';
import { fileEntry, symlinkEntry, type TarEntry } from '@galley/image/tar/entry';
import { runCommand } from '../command/run-command.ts';
import type { HostInterpreter } from './host-interpreter.ts';

/** What nobody imports from an image, most of the size; and what other people installed there. */
const leftOut =
  /^lib\/python3\.\d+\/(?:test|idlelib|tkinter|turtledemo|lib2to3|ensurepip|pydoc_data|site-packages|config-[^/]*|(?:.*\/)?(?:__pycache__|tests?|idle_test))(?:\/|$)/;

/** glibc of the suite under it (trixie). What was built against a newer one does not start there. */
const glibcMinor = 41;

/** Where it lies in the image; `bin/python3.8` below it. */
export function interpreterPrefix(interpreter: HostInterpreter): string {
  return `/opt/python/${interpreter.python}`;
}

/** What decides the layer, without reading it all: paths, sizes and times of the files that would be packed. 64 hexadecimal digits. */
export async function interpreterFingerprint(interpreter: HostInterpreter): Promise<string> {
  const { entries } = await packTree(interpreter.prefix, { prefix: '', include: isWanted(interpreter) });
  const hash = createHash('sha256').update(interpreter.pythonFull);
  for (const { path, type } of entries) {
    const stat = await lstat(join(interpreter.prefix, path));
    hash.update(`${path}\0${type}\0${type === 'file' ? `${stat.size}\0${stat.mtimeMs}` : ''}\0`);
  }
  return hash.digest('hex');
}

/**
 * The interpreter made relocatable: it finds its library by its own place, and the loader finds its shared libraries where Debian's lie, so that
 * nothing is patched (rejected: `patchelf`, which few machines have, engine.md §8). Shared libraries that `present` lacks come from this
 * machine. Throws `INTERPRETER_UNUSABLE`.
 */
export async function interpreterEntries(
  interpreter: HostInterpreter,
  present: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<readonly TarEntry[]> {
  const inside = interpreterPrefix(interpreter);
  const { entries } = await packTree(interpreter.prefix, {
    prefix: inside.slice(1),
    include: isWanted(interpreter),
  });
  const binary = await realpath(join(interpreter.prefix, 'bin', `python${interpreter.python}`));
  const programs = [
    binary,
    ...entries
      .filter(({ path, type }) => type === 'file' && /\.so(?:\.|$)/.test(path))
      .map(({ path }) => join(interpreter.prefix, path.slice(inside.length))),
  ];
  await refuseNewerGlibc(interpreter, programs);
  const needed = await neededLibraries(interpreter, programs, signal);
  const folder = `usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  const own = await realpath(interpreter.prefix);
  const added: TarEntry[] = [];
  for (const [soname, path] of needed) {
    if (path.startsWith(`${own}/`))
      added.push(symlinkEntry(`${folder}/${soname}`, `${inside}${path.slice(own.length)}`));
    else if (!present.has(soname)) added.push(fileEntry(`${folder}/${soname}`, await readFile(path), 0o644));
  }
  const program = `python${interpreter.python}`;
  return [...entries, ...added, symlinkEntry(`usr/bin/${program}`, `${inside}/bin/${program}`)];
}

function isWanted({ python }: HostInterpreter): (path: string) => boolean {
  const wanted = [`bin/python${python}`, `lib/python${python}`];
  return (path) =>
    path === 'bin' ||
    path === 'lib' ||
    (wanted.some((one) => path === one || path.startsWith(`${one}/`)) && !leftOut.test(path)) ||
    (/^lib\/libpython3[^/]*\.so[^/]*$/.test(path) && path.includes(python));
}

/** soname → the file of this machine, of every library that one of the programs loads; the loader itself and the kernel's are no files of ours. */
async function neededLibraries(
  interpreter: HostInterpreter,
  programs: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, string>> {
  // The interpreter is this machine's own program, which people here run anyway; ldd asks the loader and starts nothing of it.
  const { stdout } = await runCommand(['ldd', ...programs], {
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', LD_LIBRARY_PATH: join(interpreter.prefix, 'lib') },
    signal,
  });
  const text = stdout.toString('utf8');
  const missing = [...text.matchAll(/^\s*(\S+) => not found/gm)].map(([, name]) => name);
  if (missing.length > 0)
    throw unusable(interpreter, `this machine lacks ${[...new Set(missing)].join(', ')}`);
  const needed = new Map<string, string>();
  for (const [, soname = '', path = ''] of text.matchAll(/^\s*(\S+) => (\/\S+) \(0x/gm)) {
    needed.set(basename(soname), await realpath(path));
  }
  return needed;
}

/** Version names such as `GLIBC_2.38` stand as text in an ELF file; a reader of ELF for this one question would be more than it is worth. */
async function refuseNewerGlibc(interpreter: HostInterpreter, programs: readonly string[]): Promise<void> {
  for (const program of programs) {
    const text = (await readFile(program)).toString('latin1');
    const wanted = Math.max(0, ...[...text.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor)));
    if (wanted > glibcMinor)
      throw unusable(
        interpreter,
        `${basename(program)} wants glibc 2.${wanted}, the base has 2.${glibcMinor}`,
      );
  }
}

function unusable(interpreter: HostInterpreter, why: string): GalleyError {
  const { python, pythonFull, prefix, from } = interpreter;
  return new GalleyError(
    'INTERPRETER_UNUSABLE',
    `Python ${pythonFull} of ${from} cannot be put into an image: ${why}.`,
    {
      hint: `Install what it lacks, or remove ${prefix} and ask for another Python than ${python}.`,
      details: { python: pythonFull, prefix },
    },
  );
}
