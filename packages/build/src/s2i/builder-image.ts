import type { Emit } from '@galley/api/event';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Digest } from '@galley/api/digest';
import { readImage } from '@galley/image/assemble/read-image';
import { importImage } from '@galley/image/import/import-image';
import { parseImportReference } from '@galley/image/import/import-reference';
import { pullImage } from '@galley/image/registry-client/pull-image';
import { formatReference, parseReference } from '@galley/image/registry-client/reference';
import type { RegistryOptions } from '@galley/image/registry-client/registry';
import type { ImageStore } from '@galley/image/store';
import type { NamedImage } from './s2i.ts';

/** `always`: a registry is asked first; `if-not-present`: only for what is not in the store. */
export type PullPolicy = 'always' | 'if-not-present' | 'never';

export interface OpenImageOptions {
  readonly store: ImageStore;
  /** Begins relative paths. */
  readonly cwd: string;
  /** Private to the caller. */
  readonly workDir: string;
  readonly registry: RegistryOptions;
  readonly pull: PullPolicy;
  readonly emit: Emit;
  /** What events are about. */
  readonly object: string;
  readonly signal: AbortSignal;
}

/**
 * An image by what a command line calls it: `oci:DIR[:TAG]`, `oci-archive:FILE`, `docker-archive:FILE[:TAG]`, a name in the store, or one of a registry, with
 * `docker://` before it or without. A pulled image is tagged with its whole name. The caller holds a lease. Throws `IMAGE_NOT_FOUND`, and what importing and pulling throw.
 */
export async function openNamedImage(name: string, options: OpenImageOptions): Promise<NamedImage> {
  const { store, cwd, workDir, signal } = options;
  const imported = parseImportReference(name, cwd);
  const digest =
    imported === undefined
      ? await findOrPull(name, options)
      : await importImage(store, imported, { workDir, signal });
  return { name, image: await readImage(store, digest) };
}

async function findOrPull(name: string, options: OpenImageOptions): Promise<Digest> {
  const { store, pull } = options;
  const isRemote = name.startsWith('docker://');
  const short = name.replace(/^docker:\/\//, '');
  const whole = wholeName(short);
  if (pull !== 'always') {
    for (const candidate of isRemote ? [whole] : [short, whole]) {
      const found = candidate === undefined ? undefined : await findTagged(store, candidate);
      if (found !== undefined) return found;
    }
  }
  if (pull === 'never' || whole === undefined) {
    throw new GalleyError('IMAGE_NOT_FOUND', `There is no image ${name} here.`, {
      hint: 'galley image list; or name a file: oci:DIR[:TAG], docker-archive:FILE[:TAG]',
      details: { name },
    });
  }
  const pulled = await pullImage(store, {
    ...options.registry,
    reference: parseReference(short),
    progress: { emit: options.emit, object: options.object, phase: 'pull' },
  });
  await store.tag(whole, pulled.digest);
  return pulled.digest;
}

/** `team/builder` → `docker.io/team/builder:latest`; undefined: it is no name that a registry could have. */
function wholeName(name: string): string | undefined {
  try {
    return formatReference(parseReference(name));
  } catch (error) {
    if (error instanceof GalleyError && error.code === 'REFERENCE_INVALID') return undefined;
    throw error;
  }
}

/** What a name of the store names; undefined: nothing has that name. */
export async function findTagged(store: ImageStore, name: string): Promise<Digest | undefined> {
  try {
    return await store.resolve(name);
  } catch (error) {
    if (error instanceof GalleyError && error.code === 'IMAGE_NOT_FOUND') return undefined;
    throw error;
  }
}
