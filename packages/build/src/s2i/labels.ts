import type { Image, RuntimeConfig } from '@galley/image/image';

/** Labels of the protocol (builders.md §1.1). */
export const s2iLabel = {
  scriptsUrl: 'io.openshift.s2i.scripts-url',
  destination: 'io.openshift.s2i.destination',
  assembleUser: 'io.openshift.s2i.assemble-user',
  assembleRuntimeUser: 'io.openshift.s2i.assemble-runtime-user',
  assembleInputFiles: 'io.openshift.s2i.assemble-input-files',
  description: 'io.k8s.description',
  displayName: 'io.k8s.display-name',
  /** Begins the names of what a build says about itself. */
  build: 'io.openshift.s2i.build.',
} as const;

/** What a builder or runtime image says about itself. */
export interface BuilderFacts {
  /** `image:///usr/libexec/s2i`; undefined: it has no scripts of its own. */
  readonly scriptsUrl: string | undefined;
  /** Absolute, where sources and scripts are put; the default is the protocol's. */
  readonly destination: string;
  /** Undefined: the image's own user. */
  readonly assembleUser: string | undefined;
  readonly assembleRuntimeUser: string | undefined;
  /** `src[:dest];src2`. */
  readonly assembleInputFiles: string | undefined;
  /** As the image writes it; empty: root. */
  readonly user: string;
  /** Absolute. */
  readonly workingDir: string;
}

/** Reads an image's labels, the old names included. */
export function readBuilder(image: Image): BuilderFacts {
  const { Labels = {}, User = '', WorkingDir = '' } = image.config.config;
  const text = (...names: readonly string[]): string | undefined =>
    names.map((name) => Labels[name]).find((value) => value !== undefined && value !== '');
  return {
    scriptsUrl:
      text(s2iLabel.scriptsUrl, 'io.s2i.scripts-url') ?? variable(image.config.config, 'STI_SCRIPTS_URL'),
    destination:
      text(s2iLabel.destination, 'io.s2i.destination') ??
      variable(image.config.config, 'STI_LOCATION') ??
      '/tmp',
    assembleUser: text(s2iLabel.assembleUser),
    assembleRuntimeUser: text(s2iLabel.assembleRuntimeUser),
    assembleInputFiles: text(s2iLabel.assembleInputFiles),
    user: User,
    workingDir: WorkingDir === '' ? '/' : WorkingDir,
  };
}

function variable({ Env = [] }: RuntimeConfig, name: string): string | undefined {
  const line = Env.findLast((entry) => entry.startsWith(`${name}=`));
  const value = line?.slice(name.length + 1);
  return value === '' ? undefined : value;
}
