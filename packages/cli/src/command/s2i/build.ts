import { shortDigest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { formatBytes } from '@galley/api/kind/quantity';
import type { S2iResult } from '@galley/build/s2i/s2i';
import { textOption } from '../../program.ts';
import { safeText } from '../../render/safe-text.ts';
import { table } from '../../render/table.ts';
import { runS2iBuild, writeS2iDockerfile, type S2iCommand } from '../../service/s2i-build.ts';
import { s2iBuildOptions, refuseUnsupported } from '../../service/s2i-flags.ts';
import { describeS2iSource } from '../../service/s2i-source.ts';
import type { Command, Context, Input, Result } from '../command.ts';

export const command: Command = {
  summary: 'Build an image from a source and a builder image',
  description:
    'Takes the command line of s2i build. BUILDER is an image of the store or of a registry, oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE[:TAG]. Of a git repository the committed state is built, unless --copy says otherwise.',
  examples: [
    'galley s2i build . oci:python-builder team/app:v1',
    'galley s2i build https://example.org/team/app.git team/builder team/app:v1 --ref main --incremental',
    'galley s2i build . team/builder team/app:v1 --inject ./pip.conf:/etc/pip.conf -e APP_MODULE=app:app',
    'galley s2i build . registry.example/python-311 app --as-dockerfile out/Dockerfile',
  ],
  arguments: [
    { name: 'SOURCE', description: 'a URL of a git repository, or a folder', completes: 'path' },
    { name: 'BUILDER', description: 'the builder image', completes: 'image' },
    { name: 'TAG', description: 'what the image is called', optional: true },
  ],
  options: s2iBuildOptions,
  async run(input, context) {
    refuseUnsupported(input);
    const [sourceText = '', builder = '', tag] = input.args;
    const source = await describeS2iSource(sourceText, {
      cwd: context.cwd,
      ref: textOption(input, 'ref') ?? '',
      contextDir: textOption(input, 'contextDir') ?? '',
      copy: input.options['copy'] === true,
      submodules: input.options['ignoreSubmodules'] !== true,
      secret: context.env['GALLEY_GIT_SECRET'],
    });
    return runS2i({ source, builder, tag }, input, context);
  },
};

/** Builds, or with `--as-dockerfile` writes the build out for other tools. */
export async function runS2i(typed: S2iCommand, input: Input, context: Context): Promise<Result> {
  const file = textOption(input, 'asDockerfile');
  if (file === undefined) return describe(await runS2iBuild(typed, input, context));
  if (textOption(input, 'runtimeImage') !== undefined) {
    throw new GalleyError('USAGE', '--runtime-image cannot be used with --as-dockerfile.', {
      hint: 'Build the image here and export it: galley image export IMAGE FILE',
    });
  }
  const { path, warnings } = await writeS2iDockerfile(typed, file, input, context);
  return {
    text: [
      ...warnings.map((warning) => `warning: ${safeText(warning)}`),
      `Wrote ${path} and upload/ beside it.`,
    ].join('\n'),
    value: { path, warnings },
    names: [path],
  };
}

/** For people, and for programs. */
function describe(result: S2iResult): Result {
  const layers = result.layers.map((layer) => [
    layer.role,
    shortDigest(layer.digest),
    formatBytes(layer.sizeBytes),
    layer.cached ? 'as before' : 'new',
  ]);
  return {
    text: [
      table(['LAYER', 'DIGEST', 'SIZE', ''], layers, ['left', 'left', 'right']),
      ...result.warnings.map((warning) => `warning: ${safeText(warning)}`),
      '',
      `Image ${result.image}${result.tag === undefined ? '' : ` (${result.tag})`}`,
    ].join('\n'),
    value: result,
    names: [result.image],
  };
}
