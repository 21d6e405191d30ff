import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import type { Image } from '@galley/image/image';
import { buildLayer } from '@galley/image/layer/build-layer';
import type { ImageStore } from '@galley/image/store';
import { directoryEntry, fileEntry, symlinkEntry, type TarEntry } from '@galley/image/tar/entry';

/** The interpreter inside the test image. */
export const testPython = '/usr/local/bin/python3';

/** Parts of the standard library that no test needs: they are most of its size. */
const leftOut =
  /^(test|idlelib|tkinter|lib2to3|ensurepip|turtledemo|distutils|pydoc_data|site-packages|dist-packages|config-.*|__pycache__|unittest)$/;

/**
 * An image with this machine's Python and dash, and nothing else: real programs in a real root filesystem without a
 * network. Two layers, so that overlays are real. About 20 MB, made in under a second.
 */
export async function buildTestImage(store: ImageStore): Promise<Image> {
  const python = describePython();
  const programs = new Map<string, TarEntry>();
  const add = (entry: TarEntry): void => void programs.set(entry.path, entry);
  const addFile = (inside: string, host: string, mode = 0o755): void => {
    add(fileEntry(inside.replace(/^\//, ''), readFileSync(host), mode));
  };
  const shell = realpathSync('/bin/sh');
  const extensions = filesBelow(python.dynload).filter((file) => file.endsWith('.so'));
  addFile(testPython, python.executable);
  addFile('/bin/sh', shell);
  for (const library of sharedLibraries([python.executable, shell, ...extensions]))
    addFile(library, realpathSync(library));
  const runtime = await buildLayer(store, programs.values(), { createdBy: 'the interpreter' });

  const files: TarEntry[] = [
    ...['tmp', 'run', 'dev', 'proc', 'sys', 'etc', 'root', 'galley'].map((name) => directoryEntry(name)),
    { ...directoryEntry('home/galley'), mode: 0o775 },
    fileEntry('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'),
    symlinkEntry('var/run', '/run'),
  ];
  for (const file of filesBelow(python.library)) {
    const inside = file.slice(1);
    if (file.endsWith('.py') || file.endsWith('.so'))
      files.push(fileEntry(inside, readFileSync(file), 0o755));
  }
  const library = await buildLayer(store, files, { createdBy: 'the standard library' });
  return assembleImage(store, {
    layers: [runtime, library],
    config: {
      Env: ['PATH=/usr/local/bin:/usr/bin:/bin', `PYTHONHOME=${python.prefix}`, 'PYTHONDONTWRITEBYTECODE=1'],
      WorkingDir: '/home/galley',
      Cmd: [testPython, '-c', 'print("the command of the image")'],
    },
  });
}

interface PythonFacts {
  readonly executable: string;
  readonly prefix: string;
  readonly library: string;
  readonly dynload: string;
}

function describePython(): PythonFacts {
  const script =
    'import sys, sysconfig, os, json; lib = sysconfig.get_path("stdlib"); ' +
    'print(json.dumps([os.path.realpath(sys.executable), sys.base_prefix, lib, os.path.join(lib, "lib-dynload")]))';
  // The output of the line above.
  const [executable, prefix, library, dynload] = JSON.parse(
    execFileSync('python3', ['-I', '-c', script], { encoding: 'utf8' }),
  ) as [string, string, string, string];
  return { executable, prefix, library, dynload };
}

function filesBelow(directory: string): string[] {
  const files: string[] = [];
  for (const name of readdirSync(directory)) {
    if (leftOut.test(name)) continue;
    const path = join(directory, name);
    const stat = lstatSync(path);
    if (stat.isDirectory()) files.push(...filesBelow(path));
    else if (stat.isFile() || stat.isSymbolicLink()) files.push(path);
  }
  return files;
}

/** Paths of the libraries that these programs load, with the loader, under the names the loader looks for. */
function sharedLibraries(programs: readonly string[]): Set<string> {
  const found = new Set<string>();
  const text = execFileSync('ldd', programs as string[], { encoding: 'utf8' });
  for (const match of text.matchAll(/(?:=> )?(\/\S+) \(0x/g)) if (match[1] !== undefined) found.add(match[1]);
  return found;
}
