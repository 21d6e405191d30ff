import { assembleImage } from '@galley/image/assemble/assemble-image';
import type { Layer } from '@galley/image/descriptor';
import type { Image, RuntimeConfig } from '@galley/image/image';
import { changeLayers, isPackage, type ChangeLayer, type LayerGroup } from '../build-step/change-layers.ts';
import type { Changes } from '../build-step/changes.ts';
import { inputLayer } from '../build-step/input-layer.ts';
import type { BuildContext, LayerRecord } from '../build.ts';
import { requireScript, scriptPath, type Scripts } from './find-scripts.ts';
import type { Variables } from './s2i.ts';
import type { SourceFinder } from './source-finder.ts';
import { scriptEntries } from './upload.ts';

/** Bottom to top, by how often they change. */
function sourceGroups(finder: SourceFinder): readonly LayerGroup[] {
  return [
    { role: 'dependencies', holds: (entry) => isPackage(entry) && !finder.holds(entry) },
    { role: 'built', holds: (entry) => !finder.holds(entry) },
    { role: 'code', holds: () => true },
  ];
}

/** The layers of what a script changed. */
export function scriptLayers(
  changes: Changes,
  finder: SourceFinder,
  context: BuildContext,
): Promise<readonly ChangeLayer[]> {
  return changeLayers(changes, sourceGroups(finder), { context, createdBy: 'galley s2i' });
}

/** The scripts that were brought along, in `folder` of the image; empty: there are none. */
export async function keptScripts(
  image: Image,
  scripts: Scripts,
  folder: string,
  context: BuildContext,
): Promise<readonly ChangeLayer[]> {
  const entries = scriptEntries(scripts, folder);
  if (entries.length === 0) return [];
  return [{ role: 'scripts', layer: await inputLayer(image, entries, context, 'galley s2i scripts') }];
}

/** The path of `run` in the result. Throws `BUILDER_INVALID`. */
export function runPath(scripts: Scripts, folder: string, builder: string): string {
  return scriptPath(requireScript(scripts, 'run', builder), 'run', folder);
}

/** A result and the layers that the build added. */
export interface MadeImage {
  readonly image: Image;
  readonly layers: readonly ChangeLayer[];
}

export interface OutputParts {
  readonly base: Image;
  readonly layers: readonly Layer[];
  readonly run: string;
  readonly env: Variables;
  readonly labels: Readonly<Record<string, string>>;
}

/** The result: the base's configuration, entry point and user included, with the command, the environment and the labels of the build. */
export function outputImage(
  { base, layers, run, env, labels }: OutputParts,
  context: BuildContext,
): Promise<Image> {
  const config: RuntimeConfig = {
    Cmd: [run],
    Env: env.map(([name, value]) => `${name}=${value}`),
    Labels: labels,
  };
  return assembleImage(context.store, { base, layers, config });
}

/** What the record of a build says about a layer; known ones are those that the image before has too. */
export function layerRecords(
  layers: readonly ChangeLayer[],
  before: Image | undefined,
): readonly LayerRecord[] {
  const known = new Set(before?.layers.map(({ descriptor }) => descriptor.digest));
  return layers.map(({ role, layer }) => ({
    role,
    digest: layer.descriptor.digest,
    sizeBytes: layer.descriptor.size,
    cached: known.has(layer.descriptor.digest),
    from: layer.createdBy,
  }));
}
