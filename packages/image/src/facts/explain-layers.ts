import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { readImage } from '../assemble/read-image.ts';
import type { Layer } from '../descriptor.ts';
import type { Image } from '../image.ts';
import type { ImageStore } from '../store.ts';
import { layerRole, packagesOf } from './layer-role.ts';

/** One layer of an image, what it was made of, and why it is not the one that was there before. */
export interface LayerReason {
  readonly digest: Digest;
  readonly role: string;
  readonly from: string;
  readonly sizeBytes: number;
  /** True: the image before has the very same layer. */
  readonly kept: boolean;
  /** Why it is new; of a kept one, what would have made it new. */
  readonly reason: string;
}

export interface LayersReport {
  readonly digest: Digest;
  /** The image that the tag named before; undefined: there was none, or it is gone. */
  readonly previous: Digest | undefined;
  /** In words, where there is no image to compare with. */
  readonly note: string | undefined;
  readonly layers: readonly LayerReason[];
}

/**
 * Why each layer of an image is there, compared with the image that its tag named before. `name` is that tag; without one, any tag of the image
 * serves. What decides a layer is written in labels and history, so nothing has to be remembered elsewhere. Throws as `readImage` does.
 */
export async function explainLayers(store: ImageStore, image: Image, name?: string): Promise<LayersReport> {
  const { previous, note } = await findPrevious(store, image, name);
  const known = new Set(previous?.layers.map((layer) => layer.descriptor.digest));
  return {
    digest: image.digest,
    previous: previous?.digest,
    note,
    layers: image.layers.map((layer) => {
      const { role, from } = layerRole(layer.createdBy);
      const kept = known.has(layer.descriptor.digest);
      return {
        digest: layer.descriptor.digest,
        role,
        from: from === '' ? inputOf(role, image) : from,
        sizeBytes: layer.descriptor.size,
        kept,
        reason: previous === undefined ? '' : kept ? 'unchanged' : whyNew(layer, image, previous),
      };
    }),
  };
}

async function findPrevious(
  store: ImageStore,
  image: Image,
  name: string | undefined,
): Promise<{ previous: Image | undefined; note: string | undefined }> {
  const tags = await store.tags();
  const tag =
    tags.find((one) => one.name === name || one.name === `${name}:latest`) ??
    tags.find(({ history }) => history.length > 1 && history.at(-1)?.digest === image.digest);
  const digests = tag?.history.map(({ digest }) => digest) ?? [];
  const at = digests.lastIndexOf(image.digest);
  const before = at > 0 ? digests[at - 1] : undefined;
  if (tag === undefined) return { previous: undefined, note: 'No tag tells which image was there before.' };
  if (before === undefined)
    return { previous: undefined, note: `It is the first image that ${tag.name} named.` };
  try {
    return { previous: await readImage(store, before), note: undefined };
  } catch (error) {
    if (!(error instanceof GalleyError)) throw error;
    return { previous: undefined, note: `The image that ${tag.name} named before, ${before}, is gone.` };
  }
}

const labelOf = (image: Image, name: string): string =>
  image.config.config.Labels?.[`dev.galley.${name}`] ?? '';
const revisionOf = (image: Image): string =>
  image.config.config.Labels?.['org.opencontainers.image.revision'] ?? '';

/** What a layer whose line names no input was made of. */
function inputOf(role: string, image: Image): string {
  switch (role) {
    case 'code': {
      const commit = revisionOf(image);
      return commit === ''
        ? `the source ${short(labelOf(image, 'source'))}`
        : `commit ${commit.slice(0, 12)}`;
    }
    case 'model':
      return `a training run, key ${short(labelOf(image, 'training-key'))}`;
    case 'bytecode':
      return 'the modules that the rehearsal loaded';
    case 'rehearsed':
      return `a rehearsal of ${short(labelOf(image, 'candidate'))}`;
    case 'runtime':
      return "Galley's own runtime";
    default:
      return '';
  }
}

function whyNew(layer: Layer, image: Image, previous: Image): string {
  const { role, from } = layerRole(layer.createdBy);
  switch (role) {
    case 'base':
      return (
        changed('base', image, previous) ??
        'the same packages were laid otherwise, by another version of Galley'
      );
    case 'dependencies':
    case 'kernel':
    case 'tools':
      return packageChanges(role, from, previous);
    case 'runtime':
      return "Galley's runtime is another one";
    case 'code':
      return (
        changed('source', image, previous) ??
        'the same source was packed otherwise, by another version of Galley'
      );
    case 'model':
      return (
        changes(['source', 'lock'], image, previous) ??
        (changed('training-key', image, previous) === undefined
          ? 'the notebook ran again, with another result for the same input'
          : 'another input of the training changed: Python, notebooks or secrets')
      );
    case 'bytecode':
      return changes(['lock', 'source', 'base'], image, previous) ?? 'the rehearsal loaded other modules';
    case 'rehearsed':
      return changed('candidate', image, previous) === undefined
        ? 'the rehearsal counted otherwise'
        : 'the candidate changed: a layer below is new';
    default:
      return 'no layer of the image before is the same';
  }
}

function changes(names: readonly string[], image: Image, previous: Image): string | undefined {
  const found = names.flatMap((name) => changed(name, image, previous) ?? []);
  return found.length === 0 ? undefined : found.join('; ');
}

const words: Readonly<Record<string, string>> = {
  base: 'the list of Debian packages',
  source: 'the source',
  lock: 'the lock of Python packages',
  candidate: 'the candidate',
  'training-key': 'the training key',
};

function changed(name: string, image: Image, previous: Image): string | undefined {
  const [now, before] = [labelOf(image, name), labelOf(previous, name)];
  if (now === before) return undefined;
  const commits = [revisionOf(previous), revisionOf(image)];
  if (name === 'source' && commits.every((commit) => commit !== '') && commits[0] !== commits[1]) {
    return `the source changed, from commit ${commits.map((commit) => commit.slice(0, 12)).join(' to ')}`;
  }
  return `${words[name] ?? name} changed, from ${short(before)} to ${short(now)}`;
}

/** The packages of a layer against those that all layers of the same role had. */
function packageChanges(role: string, from: string, previous: Image): string {
  const before = new Map<string, string>();
  for (const layer of previous.layers) {
    const known = layerRole(layer.createdBy);
    if (known.role === role) for (const [name, version] of packagesOf(known.from)) before.set(name, version);
  }
  const now = packagesOf(from);
  const differing = [...now].flatMap(([name, version]) => {
    const old = before.get(name);
    if (old === undefined) return [`${name} ${version} is new`];
    return old === version ? [] : [`${name} ${old} → ${version}`];
  });
  if (differing.length > 0) return differing.join(', ');
  return [...now.keys()].some((name) => before.has(name))
    ? 'the same packages are grouped or laid otherwise: one that shared their layer came, went or changed'
    : 'no layer of the image before is the same';
}

function short(text: string): string {
  return text === '' ? 'nothing' : text.replace(/^sha256:/, '').slice(0, 12);
}
