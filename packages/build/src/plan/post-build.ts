import { countOf } from '@galley/api/kind/count';
import type { Layer } from '@galley/image/descriptor';
import type { Image } from '@galley/image/image';
import { fileEntry } from '@galley/image/tar/entry';
import type { LayerRecord } from '../build.ts';
import { defaultStepLimits, runBuildStep } from '../build-step/build-step.ts';
import { changeLayers, isPackage, type ChangeLayer } from '../build-step/change-layers.ts';
import { inputLayer } from '../build-step/input-layer.ts';
import { RecordCache, stepKey } from '../cache/record-cache.ts';
import { appFolder } from '../layers/code-layer.ts';
import type { BuildWork } from './build-work.ts';
import { layerRecord } from './layer-record.ts';

/** What postBuild left in the images. */
export interface PostBuild {
  readonly layers: readonly Layer[];
  readonly records: readonly LayerRecord[];
  readonly warnings: readonly string[];
  /** Under which key it is found again; undefined: there is no postBuild. */
  readonly key?: string;
  readonly kept: KeptPostBuild;
}

/** What is kept of a postBuild. */
export interface KeptPostBuild {
  readonly layers: readonly ChangeLayer[];
  readonly warnings: readonly string[];
}

const nothing: PostBuild = { layers: [], records: [], warnings: [], kept: { layers: [], warnings: [] } };
/** Where the script lies while it runs: executable, and without the line ends of another system. */
const script = 'galley/post-build/postBuild';

/**
 * Runs the repository's postBuild in its environment image (builders.md §2.2): after assembly, in the folder of the repository, as the owner of
 * everything that it may want to change, with the package index and the allowed hosts. What it changed goes into all images of the build.
 * Run once for an image; any file of the repository is part of that. Throws `BUILD_STEP_FAILED` and what the engine throws.
 */
export async function postBuild(work: BuildWork, assemble: () => Promise<Image>): Promise<PostBuild> {
  const { context, recipe, object, settings } = work;
  const path = recipe.postBuild;
  const file = path === undefined ? undefined : work.source.find(path);
  if (path === undefined || file === undefined) return nothing;
  const text = (await work.source.read(file, 1024 * 1024)).toString('utf8').replaceAll('\r\n', '\n');
  return work.phases.run('postBuild', async (end) => {
    const environment = await assemble();
    const records = postBuildRecords(context.cacheDir);
    const key = stepKey({ environment: environment.digest, text, hosts: settings.egressHosts });
    const known = await records.get(key);
    if (known !== undefined && (await allPresent(known.layers, work))) {
      end({ state: 'skipped', reason: 'nothing of the repository or its environment changed' });
      return toResult(key, known, path, true);
    }
    const { changes } = await runBuildStep(
      {
        name: 'postBuild',
        image: environment,
        inputs: [await inputLayer(environment, [fileEntry(script, withShebang(text), 0o755)], context)],
        command: [`/${script}`],
        // It may install packages and extensions where the environment is: those files are root's.
        user: '0:0',
        workingDir: `/${appFolder}`,
        env: { HOME: '/home/galley' },
        secrets: {},
        egress: { index: true, hosts: settings.egressHosts },
        limits: {
          ...defaultStepLimits,
          memoryBytes: settings.memoryBytes,
          cpus: settings.cpus,
          timeoutMs: settings.timeoutMs,
        },
        omit: ['galley/post-build'],
        keepCaches: false,
      },
      {
        context,
        project: work.options.project,
        application: work.options.name,
        workDir: work.workDir,
        onLine: (line) =>
          context.emit({ object, phase: 'postBuild', step: line.slice(0, 200), state: 'progress' }),
      },
    );
    const layers = await changeLayers(
      changes,
      [
        { role: 'dependencies', holds: isPackage },
        { role: 'postBuild', holds: () => true },
      ],
      { context, createdBy: 'galley postBuild' },
    );
    const kept = { layers, warnings: changes.warnings };
    await records.set(key, kept);
    end({ state: 'done', reason: `${countOf(changes.entries.length, 'path')} changed` });
    return toResult(key, kept, path, false);
  });
}

/** Where postBuilds are kept. */
export function postBuildRecords(cacheDir: string): RecordCache<KeptPostBuild> {
  return new RecordCache(cacheDir, 'post-builds');
}

/** Without one the kernel refuses to run it; a shell would have taken it. */
function withShebang(text: string): string {
  return text.startsWith('#!') ? text : `#!/bin/sh\n${text}`;
}

async function allPresent(layers: readonly ChangeLayer[], { context }: BuildWork): Promise<boolean> {
  for (const { layer } of layers) if (!(await context.store.has(layer.descriptor.digest))) return false;
  return true;
}

function toResult(key: string, kept: KeptPostBuild, from: string, cached: boolean): PostBuild {
  const { layers, warnings } = kept;
  return {
    key,
    kept,
    layers: layers.map(({ layer }) => layer),
    records: layers.map(({ role, layer }) => layerRecord(role, layer, cached, from)),
    warnings,
  };
}
