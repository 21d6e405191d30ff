/** Where an environment lies in the image and which Python it is of: with the wheel's hash this decides every byte of its layer. */
export interface Environment {
  /** Absolute in the image: `/opt/galley/env`. */
  readonly prefix: string;
  /** `3.11`. */
  readonly pythonVersion: string;
}

/** The interpreter of an environment, as scripts name it. */
export function environmentPython(environment: Environment): string {
  return `${environment.prefix}/bin/python`;
}

/** The prefix as a path in a tar: without the leading slash. */
export function tarPrefix(environment: Environment): string {
  return environment.prefix.replace(/^\/+/, '').replace(/\/+$/, '');
}

/** site-packages as a path in a tar. Pure and platform packages share it, as on Debian and in every venv. */
export function sitePackages(environment: Environment): string {
  return `${tarPrefix(environment)}/lib/python${environment.pythonVersion}/site-packages`;
}
