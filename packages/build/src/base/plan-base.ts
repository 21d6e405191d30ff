import { GalleyError } from '@galley/api/error/galley-error';
import { readBaseLock, supportedPythons, type BaseLock } from './base-lock.ts';
import { findHostInterpreters, type HostInterpreter } from './host-interpreter.ts';

/** What a base is to be made of. */
export interface BasePlan {
  readonly lock: BaseLock;
  /** Instead of Debian's own Python: a version that no suite has. Such a base is not reproducible elsewhere. */
  readonly interpreter: HostInterpreter | undefined;
}

/** The suite under an interpreter of the host: the newest, since its C library must not be older than what the interpreter was built with. */
const underHost = '3.13';

/** Every Python that this machine can put into an image, in the order in which they are tried: Debian's, the default first, then the host's own. */
export async function availablePythons(env: NodeJS.ProcessEnv = process.env): Promise<readonly string[]> {
  const own = (await findHostInterpreters(env)).map(({ python }) => python);
  return [...supportedPythons, ...own.filter((python) => !supportedPythons.includes(python))];
}

/** Debian's base of this Python where there is one, else the host's interpreter on Debian. Throws `BASE_UNAVAILABLE`. */
export async function planBase(python: string, env: NodeJS.ProcessEnv = process.env): Promise<BasePlan> {
  if (supportedPythons.includes(python)) return { lock: await readBaseLock(python), interpreter: undefined };
  const interpreter = (await findHostInterpreters(env)).find((one) => one.python === python);
  if (interpreter === undefined) {
    throw new GalleyError('BASE_UNAVAILABLE', `There is no base of Python ${python} here.`, {
      hint: `pyenv install ${python}, or uv python install ${python}; Galley takes it from there.`,
      details: { python },
    });
  }
  return { lock: withoutPython(await readBaseLock(underHost)), interpreter };
}

/** Debian's packages besides its Python: two in one image would only be confused. */
function withoutPython(lock: BaseLock): BaseLock {
  return {
    ...lock,
    packages: lock.packages.filter(({ name }) => !/^(?:lib)?python3\.\d+(?:-|$)/.test(name)),
  };
}
