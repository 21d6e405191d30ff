import { runBuildStep, type StepLimits, type StepOptions } from '../build-step/build-step.ts';
import { inputLayer } from '../build-step/input-layer.ts';
import { findScripts, requireScript, scriptPath, withImageScripts } from './find-scripts.ts';
import { readBuilder } from './labels.ts';
import type { NamedImage, Variables } from './s2i.ts';
import { ownScriptsFolder, scriptEntries } from './upload.ts';

export interface UsageRequest {
  readonly builder: NamedImage;
  readonly env: Variables;
  readonly scriptsUrl: string | undefined;
  readonly cwd: string;
  readonly limits: StepLimits;
}

/** Runs what tells how a builder is used; its lines go to `options.onLine`. Throws `BUILDER_INVALID`, `BUILD_STEP_FAILED`. */
export async function runUsage(request: UsageRequest, options: StepOptions): Promise<void> {
  const { builder } = request;
  const { context } = options;
  const found = await findScripts(request, undefined, context.signal);
  const scripts = withImageScripts(found, readBuilder(builder.image).scriptsUrl);
  const script = requireScript(scripts, 'usage', builder.name);
  const own = scriptEntries(new Map([['usage', script]]), ownScriptsFolder);
  await runBuildStep(
    {
      name: 'usage',
      image: builder.image,
      inputs: own.length === 0 ? [] : [await inputLayer(builder.image, own, context)],
      command: [scriptPath(script, 'usage', ownScriptsFolder)],
      user: '',
      env: Object.fromEntries(request.env),
      secrets: {},
      egress: { index: false, hosts: [] },
      limits: request.limits,
      omit: [],
      keepCaches: false,
    },
    options,
  );
}
