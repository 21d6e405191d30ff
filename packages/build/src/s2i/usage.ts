import { runBuildStep, type StepLimits, type StepOptions } from '../build-step/build-step.ts';
import { inputLayer } from '../build-step/input-layer.ts';
import { asScript, requireScript, type Script } from './find-scripts.ts';
import { readBuilder } from './labels.ts';
import type { NamedImage, Variables } from './s2i.ts';
import { fetchScripts, parseScriptUrl } from './script-url.ts';

export interface UsageRequest {
  readonly builder: NamedImage;
  readonly env: Variables;
  readonly scriptsUrl: string | undefined;
  readonly cwd: string;
  readonly limits: StepLimits;
}

const brought = 'opt/s2i/scripts/usage';

/** Runs what tells how a builder is used; its lines go to `options.onLine`. Throws `BUILDER_INVALID`, `BUILD_STEP_FAILED`. */
export async function runUsage(request: UsageRequest, options: StepOptions): Promise<void> {
  const { builder } = request;
  const script = await findUsage(request, options);
  const content = script.kind === 'external' ? script.content : undefined;
  const inputs =
    content === undefined
      ? []
      : [
          await inputLayer(
            builder.image,
            [{ path: brought, type: 'file', mode: 0o755, size: content.length, content: () => content }],
            options.context,
          ),
        ];
  await runBuildStep(
    {
      name: 'usage',
      image: builder.image,
      inputs,
      command: [script.kind === 'image' ? script.path : `/${brought}`],
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

async function findUsage(request: UsageRequest, { context }: StepOptions): Promise<Script> {
  const { builder, cwd } = request;
  for (const url of [request.scriptsUrl, readBuilder(builder.image).scriptsUrl]) {
    if (url === undefined) continue;
    const place = parseScriptUrl(url, cwd);
    if (place.kind === 'image') return { kind: 'image', path: `${place.path}/usage`.replace('//', '/') };
    // A label is heard only where it points into the image (see findScripts).
    if (url !== request.scriptsUrl) continue;
    const content = (await fetchScripts(place, context.signal)).get('usage');
    if (content !== undefined) return { kind: 'external', content: asScript(content), from: url };
  }
  return requireScript(new Map(), 'usage', builder.name);
}
