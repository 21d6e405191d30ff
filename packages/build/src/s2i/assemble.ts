import { countOf } from '@galley/api/kind/count';
import type { TarEntry } from '@galley/image/tar/entry';
import { runBuildStep } from '../build-step/build-step.ts';
import type { Changes } from '../build-step/changes.ts';
import { inputLayer } from '../build-step/input-layer.ts';
import { saveArtifacts } from './artifacts.ts';
import { requireScript, scriptPath } from './find-scripts.ts';
import { keepSources } from './keep-sources.ts';
import { metadataPath, parseMetadata } from './output-labels.ts';
import { scriptEntries, sourceEntries } from './upload.ts';
import type { S2iWork } from './work.ts';

/** What `assemble` made of the builder image, before it is an image itself. */
export interface Assembled {
  readonly changes: Changes;
  /** Labels that it left. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Runs `assemble` on the builder image, with the source, the scripts and saved artifacts where it expects them. */
export async function assemble(work: S2iWork): Promise<Assembled> {
  const { context, request, places, scripts, owner } = work;
  const { image, name } = request.builder;
  const source = sourceEntries(work.files.entries, places.source, owner);
  const own = scriptEntries(scripts, places.scripts);
  const saved = await artifactsOf(work);
  return work.phases.run('assemble', async (end) => {
    const script = requireScript(scripts, 'assemble', name);
    const inputs = [await inputLayer(image, [...source, ...own, ...saved], context)];
    const { changes } = await runBuildStep(
      {
        name: 'assemble',
        image,
        inputs,
        command: [scriptPath(script, 'assemble', places.scripts)],
        user: work.user,
        env: Object.fromEntries(work.env),
        secrets: Object.fromEntries(request.injections.map(({ path, content }) => [path, content])),
        egress: { index: true, hosts: request.egressHosts },
        limits: request.limits,
        omit: [places.artifacts],
        // A builder that saves artifacts may save its caches.
        keepCaches: scripts.has('save-artifacts') && request.incremental,
        collect: [metadataPath],
      },
      work.step,
    );
    work.warnings.push(...changes.warnings);
    end({ state: 'done', reason: `${countOf(changes.entries.length, 'path')} changed` });
    const labels = parseMetadata(changes.collected.get(metadataPath));
    if (!places.kept) return { changes, labels };
    const kept = keepSources([...source, ...own], hashesByEntry(work), changes);
    return { changes: { ...kept, entries: work.imageOwners.withParents(kept.entries) }, labels };
  });
}

/** sha256 of the entries that were put at the source's place. */
function hashesByEntry({
  hashes,
  places,
}: S2iWork): (entry: { readonly path: string }) => string | undefined {
  const byPath = new Map(
    [...hashes].flatMap(([hash, paths]) => paths.map((path) => [`${places.source}/${path}`, hash])),
  );
  return ({ path }) => byPath.get(path);
}

async function artifactsOf(work: S2iWork): Promise<readonly TarEntry[]> {
  const { request, scripts, places, phases } = work;
  const script = scripts.get('save-artifacts');
  if (!request.incremental) return [];
  return phases.run('artifacts', async (end) => {
    const { previous } = request;
    const saved =
      previous === undefined
        ? { reason: `there is no ${request.tag ?? 'image'} yet` }
        : script === undefined
          ? { reason: 'there is no save-artifacts' }
          : await saveArtifacts(
              {
                previous,
                script,
                scriptsFolder: places.scripts,
                folder: places.artifacts,
                owner: work.owner,
                user: work.user,
                env: Object.fromEntries(work.env),
                limits: request.limits,
              },
              work.step,
            );
    if ('entries' in saved) {
      end({ state: 'done', reason: `${countOf(saved.entries.length, 'path')} saved` });
      return saved.entries;
    }
    end({ state: 'skipped', reason: `a clean build: ${saved.reason}` });
    // Without an image before, a clean build is what was to be expected.
    if (previous !== undefined)
      work.warnings.push(`nothing was saved from the image before: ${saved.reason}`);
    return [];
  });
}
