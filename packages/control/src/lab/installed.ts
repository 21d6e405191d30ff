import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstalledPackage } from '@galley/build/lock-repository';
import { parseWheelName, wheelRank } from '@galley/build/lock/wheel-name';
import { wheelTarget } from '@galley/build/plan/lock-recipe';
import { normalName } from '@galley/image/wheel/metadata';
import type { FetchedFile } from '@galley/engine/engine';
import { readFetched, type LabFolder } from './lab-folder.ts';

/** What a person installed in the labs of a folder. */
export interface Installed {
  readonly packages: readonly InstalledPackage[];
  /** `name version`: there, but never taken from the index, so that no lock can have them. */
  readonly elsewhere: readonly string[];
}

/** A name and a version as they stand in the name of a `.dist-info` folder; strangers write it. */
const infoPattern = /^([A-Za-z0-9](?:[A-Za-z0-9._]*[A-Za-z0-9])?)-([A-Za-z0-9][A-Za-z0-9.!+_]*)\.dist-info$/;

/**
 * Reads which packages lie in the person's own environment and holds them against what the index handed over: the folder is hostile and only names
 * packages, versions and hashes are ours. Empty when there was no lab yet.
 */
export async function readInstalled(folder: LabFolder): Promise<Installed> {
  const python = (await readFile(folder.python, 'utf8').catch(() => '')).trim();
  const fetched = await readFetched(folder);
  const names = await infoFolders(folder, python);
  const packages: InstalledPackage[] = [];
  const elsewhere: string[] = [];
  for (const entry of names.sort()) {
    const [, distribution, version] = infoPattern.exec(entry) ?? [];
    if (distribution === undefined || version === undefined) continue;
    const name = normalName(distribution);
    const files = fetched.filter((file) => isOf(file, name, version));
    const [file] = files.toReversed();
    if (file !== undefined) {
      packages.push({ name, version, sha256: chosen(file, python) });
      // Laid in with the environment.
    } else if (name !== 'pip') elsewhere.push(`${name} ${version}`);
  }
  return { packages, elsewhere };
}

async function infoFolders(folder: LabFolder, python: string): Promise<string[]> {
  if (!/^3\.\d+$/.test(python)) return [];
  let path = folder.kept;
  for (const part of ['galley', `python${python}`, 'lib', `python${python}`, 'site-packages']) {
    path = join(path, part);
    // A link of theirs would lead to names of the host.
    if ((await lstat(path).catch(() => undefined))?.isDirectory() !== true) return [];
  }
  return readdir(path);
}

function isOf({ project, filename }: FetchedFile, name: string, version: string): boolean {
  if (normalName(project) !== name) return false;
  const wheel = parseWheelName(filename);
  if (wheel !== undefined) return wheel.version.toLowerCase() === version.toLowerCase();
  return filename.replace(/\.(?:tar\.gz|zip)$/, '').endsWith(`-${version}`);
}

/** The hash, unless pip took a wheel for a newer C library than a lock promises: then the lock takes its own choice of that version. */
function chosen({ filename, sha256 }: FetchedFile, python: string): string | undefined {
  const wheel = parseWheelName(filename);
  return wheel !== undefined && wheelRank(wheel, wheelTarget(python)) === undefined ? undefined : sha256;
}
