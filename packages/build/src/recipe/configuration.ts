import { GalleyError } from '@galley/api/error/galley-error';

/** What becomes of a file that could say what to install or how to set up. */
export interface FileUse {
  readonly path: string;
  /** `decides`: the environment is what it says. `adds`: it is heard beside it. `passed over`: another file ranks above it. */
  readonly use: 'decides' | 'adds' | 'passed over';
  readonly why: string;
}

/** Which tool owns the description of the environment. */
export type EnvironmentKind = 'pylock' | 'conda' | 'pipfile' | 'uv' | 'poetry' | 'requirements';

/** Which files of a repository are heard. */
export interface Configuration {
  /** `''`, `binder` or `.binder`: files of set-up elsewhere are not heard. */
  readonly folder: string;
  readonly environment: { readonly kind: EnvironmentKind; readonly path: string } | undefined;
  /** pyproject.toml, setup.py or setup.cfg that is heard besides, or alone. */
  readonly project: string | undefined;
  readonly files: readonly FileUse[];
}

interface Candidate {
  readonly kind: EnvironmentKind;
  readonly name: string;
  /** Only at the root and without a configuration folder: a tool's project is the repository itself. */
  readonly rootOnly?: boolean;
}

/**
 * The first that is there decides. The order is repo2docker's (builders.md §2.1), with the lock files that it does not know put
 * where their owner would: a lock ranks above what it was made from, `pylock.toml` above all, since a person wrote it for this.
 */
const candidates: readonly Candidate[] = [
  { kind: 'pylock', name: 'pylock.toml' },
  { kind: 'conda', name: 'environment.yml' },
  { kind: 'conda', name: 'environment.yaml' },
  { kind: 'pipfile', name: 'Pipfile.lock' },
  { kind: 'pipfile', name: 'Pipfile' },
  { kind: 'uv', name: 'uv.lock', rootOnly: true },
  { kind: 'poetry', name: 'poetry.lock', rootOnly: true },
  { kind: 'requirements', name: 'requirements.txt' },
];

const projectFiles = ['pyproject.toml', 'setup.py', 'setup.cfg'];

/** Files of other tools, by what a person would want to hear about them. */
const foreign: Readonly<Record<string, string>> = {
  Dockerfile: 'images are made from the notebooks, not from a Dockerfile',
  'Project.toml': 'Julia has no base here',
  'JuliaProject.toml': 'Julia has no base here',
  REQUIRE: 'Julia has no base here',
  'default.nix': 'Nix is not used here',
  'install.R': 'R has no base here',
  DESCRIPTION: 'R has no base here',
  'requirements3.txt': 'it is for servers of Python 2 notebooks',
  'conda-lock.yml': 'environment.yml is read instead',
  'pixi.toml': 'pixi environments are not read',
  'pixi.lock': 'pixi environments are not read',
};

/** Files that are heard whatever describes the environment. */
const additions: Readonly<Record<string, string>> = {
  'apt.txt': 'Debian packages under the environment',
  postBuild: 'run once the environment is there, in a sandbox',
};

/** Set-up that would run code of the repository at every start. */
const scripts = ['start'];

/** Decides which files are heard, and why the others are not. Pure. Throws `RECIPE_CONFLICT`, `RECIPE_UNSUPPORTED`. */
export function chooseConfiguration(paths: ReadonlySet<string>): Configuration {
  const folder = configurationFolder(paths);
  const at = (name: string): string => (folder === '' ? name : `${folder}/${name}`);
  refuseUnsupported(paths, folder);
  const files: FileUse[] = [];
  let environment: Configuration['environment'];
  for (const { kind, name, rootOnly } of candidates) {
    const path = at(name);
    if (!paths.has(path) || (rootOnly === true && folder !== '')) continue;
    if (environment === undefined) {
      environment = { kind, path };
      files.push({ path, use: 'decides', why: reasons[kind] });
    } else files.push({ path, use: 'passed over', why: `${environment.path} decides` });
  }
  const project = findProject(paths, folder, environment, files);
  for (const [name, why] of Object.entries(additions)) {
    if (paths.has(at(name))) files.push({ path: at(name), use: 'adds', why });
  }
  files.push(...elsewhere(paths, folder), ...foreignFiles(paths, at));
  return { folder, environment, project, files };
}

const reasons: Readonly<Record<EnvironmentKind, string>> = {
  pylock: 'a lock: its pins and hashes are taken as they are',
  conda: 'its packages are taken from the Python index where that is safe',
  pipfile: 'pipenv installs from it',
  uv: 'uv installs from it',
  poetry: 'poetry installs from it',
  requirements: 'pip installs from it',
};

function configurationFolder(paths: ReadonlySet<string>): string {
  const has = (folder: string): boolean => [...paths].some((path) => path.startsWith(`${folder}/`));
  if (has('binder') && has('.binder')) {
    throw new GalleyError('RECIPE_CONFLICT', 'The repository has both binder/ and .binder/.', {
      hint: 'Keep one of them: what is set up elsewhere is not heard when there is such a folder.',
      details: { files: ['binder', '.binder'] },
    });
  }
  return has('binder') ? 'binder' : has('.binder') ? '.binder' : '';
}

/** What runs at every start has no place to run yet: said, not left out. */
function refuseUnsupported(paths: ReadonlySet<string>, folder: string): void {
  const inFolder = folder === '' ? scripts : [...scripts, ...Object.keys(foreign)];
  const found = inFolder
    .map((name) => (folder === '' ? name : `${folder}/${name}`))
    .find((path) => paths.has(path));
  if (found === undefined) return;
  const name = found.split('/').at(-1) ?? '';
  throw new GalleyError(
    'RECIPE_UNSUPPORTED',
    `${found} cannot be followed: ${foreign[name] ?? 'a service and a notebook start without scripts of the repository'}.`,
    {
      hint: scripts.includes(name)
        ? 'Set variables in .s2i/environment, do the rest in a first cell or in postBuild, and remove the script.'
        : 'Describe the environment in requirements.txt, environment.yml or apt.txt in its place.',
      details: { file: found },
    },
  );
}

/** pip, poetry and uv install the project itself; conda and pipenv only what they list (builders.md §2.2). */
function findProject(
  paths: ReadonlySet<string>,
  folder: string,
  environment: Configuration['environment'],
  files: FileUse[],
): string | undefined {
  const [first, ...others] = projectFiles.filter((name) => paths.has(name));
  if (first === undefined) return undefined;
  if (folder !== '') {
    files.push({ path: first, use: 'passed over', why: `${folder}/ describes the environment` });
    return undefined;
  }
  if (environment?.kind === 'conda' || environment?.kind === 'pipfile' || environment?.kind === 'pylock') {
    files.push({
      path: first,
      use: 'passed over',
      why: `${environment.path} decides and does not ask for it`,
    });
    return undefined;
  }
  const why =
    environment === undefined ? 'the project of the repository' : `heard beside ${environment.path}`;
  files.push({ path: first, use: environment === undefined ? 'decides' : 'adds', why });
  // setuptools reads all three together; which of them pip starts from is all that matters.
  files.push(...others.map((path): FileUse => ({ path, use: 'adds', why: `read by the build of ${first}` })));
  return first;
}

/** With a configuration folder what lies at the root is not heard. */
function elsewhere(paths: ReadonlySet<string>, folder: string): readonly FileUse[] {
  if (folder === '') return [];
  return [...candidates.map(({ name }) => name), ...Object.keys(additions), 'runtime.txt', ...scripts]
    .filter((name) => paths.has(name))
    .map((path): FileUse => ({ path, use: 'passed over', why: `${folder}/ describes the environment` }));
}

function foreignFiles(paths: ReadonlySet<string>, at: (name: string) => string): readonly FileUse[] {
  return Object.entries(foreign)
    .filter(([name]) => paths.has(at(name)))
    .map(([name, why]): FileUse => ({ path: at(name), use: 'passed over', why }));
}
