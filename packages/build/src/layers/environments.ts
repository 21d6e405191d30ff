import type { Environment } from '@galley/image/wheel/environment';

/** The user's environment: the same prefix in every image, so that a wheel's layer depends on wheel and Python x.y alone. */
export function userEnvironment(python: string): Environment {
  return { prefix: '/opt/galley/env', pythonVersion: python };
}

/** The environment of the notebook tools, beside the user's: its versions cannot conflict with theirs. */
export function toolsEnvironment(python: string): Environment {
  return { prefix: '/opt/galley/tools', pythonVersion: python };
}
