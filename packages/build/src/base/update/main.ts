/**
 * Writes `SUITE-ARCH.lock.json` anew from this machine's mirrors: `node packages/build/src/base/update/main.ts bookworm amd64`.
 * A person runs it and reviews the difference; builds only read the file.
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { toLockedPackage } from '../apt-uris.ts';
import { debianArchitecture, suites, type BaseLock } from '../base-lock.ts';
import { basePackages } from '../base-packages.ts';
import { findMirrors } from '../mirrors.ts';
import { resolvePackages } from '../resolve-packages.ts';

const [suite = 'bookworm', architecture = debianArchitecture()] = process.argv.slice(2);
const python = suites.find((candidate) => candidate.suite === suite)?.python;
if (python === undefined) throw new Error(`no Python is known for ${suite}: add it to base-lock.ts`);

const mirrors = await findMirrors();
const uris = await resolvePackages(basePackages(python), { suite, architecture, mirrors });
const lock: BaseLock = {
  schema: 'galley.dev/base-lock/v1',
  suite,
  architecture,
  python,
  packages: uris.map(toLockedPackage).sort((a, b) => (a.name < b.name ? -1 : 1)),
};
const file = fileURLToPath(new URL(`../${suite}-${architecture}.lock.json`, import.meta.url));
await writeFile(file, `${JSON.stringify(lock, undefined, 2)}\n`);
process.stdout.write(`${file}: ${lock.packages.length} packages\n`);
