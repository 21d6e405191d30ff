import { parseRequirement, type Requirement } from '../recipe/requirement.ts';

const roots = (from: string, ...lines: readonly string[]): readonly Requirement[] =>
  lines.map((line) => parseRequirement(line, from));

/** Joins the user's requirements: saves the predictor in the notebook's run and loads it in the service, so both need the same one. */
export const servingRoots = roots('galley', 'cloudpickle');

/** Taken at their present version whatever date the user's packages are resolved for: they must know the Python of the base. */
export const freshRoots: readonly string[] = ['cloudpickle'];

/** Joins them where notebooks run: the kernel lives in the user's environment. */
export const runningRoots = roots('galley', 'ipykernel');

/** The environment of tools, with a lock of its own: nothing here can conflict with the user's versions. */
export const toolsRoots = roots('galley', 'nbclient', 'nbformat', 'jupyter_client', 'ipykernel');

/**
 * The tools of a workbench, with a lock of their own too: the server, the front end of the widgets that a notebook may have, and the pip that is
 * laid into a person's own environment (`galley_runtime/_lab`).
 */
export const labRoots = roots('galley', 'jupyterlab', 'jupyterlab_widgets', 'pip');

/** What builds a source distribution. setuptools still has pkg_resources, which old ones import. */
export const toolchainRoots = roots('galley', 'pip', 'setuptools<81', 'wheel');
