import { posix } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceTree } from '../source/source-tree.ts';
import { generatedLabels, type LabelFacts } from './output-labels.ts';
import type { Injection, Variables } from './s2i.ts';

/** What a Dockerfile of a build is written from. */
export interface DockerfileInput {
  readonly request: LabelFacts;
  readonly tree: SourceTree;
  /** Names of the scripts that are brought along, below `upload/scripts`. */
  readonly scripts: readonly string[];
  /** Where the image has the others, by name. */
  readonly scriptPaths: ReadonlyMap<string, string>;
  readonly destination: string;
  readonly user: string;
  readonly env: Variables;
  readonly injections: readonly Injection[];
  /** The name of the image before, whose artifacts are saved; undefined: a clean build. */
  readonly previous: string | undefined;
}

/**
 * The build as a Dockerfile for BuildKit or Buildah, with its context in `upload/` beside it (builders.md §1.4). Labels are sorted. An injected file is a build secret: it is mounted
 * for the one instruction, so it is in no layer and not even in the context; source-to-image copies it and removes it in a later layer. Pure.
 */
export function dockerfile(input: DockerfileInput): string {
  const { env, injections, previous, request } = input;
  const user = word(input.user);
  const at = (name: string): string => word(posix.join(input.destination, name));
  const scriptAt = (name: string): string => word(input.scriptPaths.get(name) ?? at(`scripts/${name}`));
  const owner = `${user.split(':')[0]}:0`;
  const labels = Object.entries(generatedLabels(request, input.tree)).sort(([a], [b]) => (a < b ? -1 : 1));
  const secrets = injections.map(
    ({ path }, index) => `    --mount=type=secret,id=${secretId(index)},target=${path},mode=0444 \\`,
  );
  return [
    '# syntax=docker/dockerfile:1',
    ...injections.map(
      ({ path }, index) => `# build it with --secret id=${secretId(index)},src=FILE for ${path}`,
    ),
    ...(previous === undefined ? [] : savedStage(input, previous, scriptAt('save-artifacts'))),
    `FROM ${request.builder.name}`,
    'LABEL \\',
    ...labels.map(
      ([name, value], index) => `    ${quote(name)}=${quote(value)}${index < labels.length - 1 ? ' \\' : ''}`,
    ),
    ...(env.length === 0 ? [] : ['ENV \\']),
    ...env.map(([name, value], index) => `    ${name}=${quote(value)}${index < env.length - 1 ? ' \\' : ''}`),
    ...(input.scripts.length === 0 ? [] : [`COPY --chown=${owner} upload/scripts ${at('scripts')}`]),
    `COPY --chown=${owner} upload/src ${at('src')}`,
    ...(previous === undefined
      ? []
      : [`COPY --chown=${owner} --from=saved /tmp/artifacts ${at('artifacts')}`]),
    `USER ${user}`,
    ...(secrets.length === 0
      ? [`RUN ${scriptAt('assemble')}`]
      : ['RUN \\', ...secrets, `    ${scriptAt('assemble')}`]),
    `CMD [${quote(scriptAt('run'))}]`,
    '',
  ].join('\n');
}

function savedStage(
  { scripts, destination, user }: DockerfileInput,
  image: string,
  script: string,
): readonly string[] {
  const folder = posix.join(destination, 'scripts');
  return [
    `FROM ${image} AS saved`,
    ...(scripts.includes('save-artifacts')
      ? [`COPY --chown=${user.split(':')[0]}:0 upload/scripts ${folder}`]
      : []),
    `USER ${user}`,
    // An image without the script, or one whose script fails, saves nothing: the build is a clean one.
    `RUN mkdir -p /tmp/artifacts && { [ ! -x ${script} ] || ${script} | tar -xf - -C /tmp/artifacts || true; }`,
    '',
  ];
}

function secretId(index: number): string {
  return `injected-${index}`;
}

/** A JSON string is one of a Dockerfile's too, but for `$`, which it would expand, and line ends, which it does not know. */
function quote(text: string): string {
  if (text.includes('\n')) {
    throw unsayable(text, 'Give environment variables and labels without line ends');
  }
  return JSON.stringify(text).replaceAll('$', String.raw`\$`);
}

/** A path or user of an image's labels, which are a stranger's: neither Docker nor a shell may read more into it. */
function word(text: string): string {
  if (/^[\w.:@+/-]+$/.test(text)) return text;
  throw unsayable(text, 'Take another builder, name --destination and --assemble-user yourself');
}

function unsayable(text: string, way: string): GalleyError {
  return new GalleyError(
    'BUILDER_INVALID',
    `${JSON.stringify(text.slice(0, 80))} cannot be said in a Dockerfile.`,
    { hint: `${way}, or build without --as-dockerfile.` },
  );
}
