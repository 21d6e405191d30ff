import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { digestHex, type Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { readManifest } from '@galley/image/assemble/check-manifest';
import { importImage } from '@galley/image/import/import-image';
import { openLayer } from '@galley/image/layer/open-layer';
import { debianArchitecture } from '../base/base-lock.ts';
import { buildRepository } from '../build-repository.ts';
import type { BuildContext, BuildOptions, BuildResult } from '../build.ts';
import { LayerCache } from '../cache/layer-cache.ts';
import { linkOrCopy } from '../cache/link-or-copy.ts';
import { makeWorkFolder } from '../cache/work-folder.ts';
import { packRuntime } from '../layers/runtime-layer.ts';
import { postBuildRecords } from '../plan/post-build.ts';
import { rehearsalRecords } from '../rehearsal/rehearse.ts';
import { trainingRecords } from '../training/training.ts';
import { wheelPath } from '../wheel-cache/wheel-path.ts';
import type { Carried } from './carried.ts';
import {
  blobsOf,
  bundleType,
  invalidBundle,
  layersOf,
  readContents,
  type BundleContents,
} from './contents.ts';

/** Bytes of an unpacked layer, as elsewhere: what unpacks to more is no layer of ours. */
const layerBytesMax = 2 ** 36;

/** What a bundle itself does not say. */
export type BundleBuildOptions = Pick<BuildOptions, 'project' | 'reveal'>;

/**
 * Builds what a bundle describes, without a network: layers of the environment are made anew from its wheels, model and rehearsal are taken as they
 * are, and the image has to answer its golden request. The file is a stranger's: every blob is held against its digest, nothing is written under a
 * name of its choosing, and what it says of earlier results is believed for this one build only. Throws `BUNDLE_INVALID`, `BUNDLE_UNUSABLE`,
 * `BUNDLE_NOT_REPRODUCED`, `DISK_FULL`, and what building throws.
 */
export async function buildBundle(
  file: string,
  options: BundleBuildOptions,
  context: BuildContext,
): Promise<BuildResult> {
  const workDir = await makeWorkFolder(context.cacheDir, `bundle-${randomUUID()}`);
  try {
    const contents = await bringIn(file, workDir, context);
    await checkMachine(contents, basename(file));
    await checkLayers(contents, basename(file), context);
    await layWheels(contents, context);
    const cacheDir = await ownCache(contents, join(workDir, 'cache'), context);
    const { base, name, source } = contents;
    const carried: Carried = {
      python: contents.python,
      base: { ...base, cached: true, system: { ...base.system, cached: true } },
      lock: contents.lock,
      tools: contents.tools,
      expects: contents.expects,
    };
    return await buildRepository(
      { kind: 'archive', ...source },
      { ...contents.options, ...options, name, secrets: [] },
      { ...context, cacheDir, carried },
    );
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

/** Takes the blobs of a bundle into the store, each held against its digest; they go with the next pruning if nothing comes of it. */
async function bringIn(file: string, workDir: string, context: BuildContext): Promise<BundleContents> {
  const { store, signal } = context;
  const shown = basename(file);
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true) throw invalidBundle(shown, 'there is no such file');
  const reference = { format: 'oci-archive', path: file, tag: undefined } as const;
  try {
    // What it does not bring it cannot have: another project's layers may lie in the same store.
    const root = await importImage(store, reference, { workDir, whole: true, signal });
    const { config, layers } = readManifest(await store.readJson(root));
    if (config.mediaType !== bundleType.contents)
      throw invalidBundle(shown, 'it holds an image, which galley image and s2i take');
    const contents = readContents(await store.readBytes(config.digest), shown);
    const brought = new Set<Digest>(layers.map((blob) => blob.digest));
    const missing = blobsOf(contents).filter((blob) => !brought.has(blob.digest));
    if (missing.length > 0)
      throw invalidBundle(
        shown,
        `it lacks ${missing
          .map((blob) => blob.filename ?? blob.digest)
          .slice(0, 3)
          .join(', ')}`,
      );
    return contents;
  } catch (error) {
    if (!(error instanceof GalleyError) || error.code === 'DISK_FULL' || error.code.startsWith('BUNDLE_'))
      throw error;
    throw invalidBundle(shown, error.message.replace(/\.$/, ''), error);
  }
}

async function checkMachine({ architecture, runtime }: BundleContents, shown: string): Promise<void> {
  const here = debianArchitecture();
  const why =
    architecture !== here
      ? `is for ${architecture}, and this machine is ${here}`
      : runtime !== (await packRuntime()).sha256
        ? 'was made by another version of Galley, whose runtime is part of the image'
        : undefined;
  if (why === undefined) return;
  throw new GalleyError('BUNDLE_UNUSABLE', `${shown} ${why}.`, {
    hint: 'Build it on such a machine with the version that made it, or make the bundle anew.',
    details: { architecture, runtime },
  });
}

/**
 * Layers have to hold what the bundle says they do: it becomes part of the images, and an engine that has unpacked a layer before looks no
 * further.
 */
async function checkLayers(
  contents: BundleContents,
  shown: string,
  { store, signal }: BuildContext,
): Promise<void> {
  for (const { descriptor, diffId } of layersOf(contents)) {
    const hash = createHash('sha256');
    let bytes = 0;
    try {
      // A stream of bytes, which its type does not say.
      for await (const chunk of openLayer(store, descriptor) as AsyncIterable<Buffer>) {
        signal.throwIfAborted();
        bytes += chunk.byteLength;
        if (bytes > layerBytesMax) break;
        hash.update(chunk);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw invalidBundle(shown, `its layer ${descriptor.digest} cannot be read`, error);
    }
    if (`sha256:${hash.digest('hex')}` !== diffId)
      throw invalidBundle(shown, `its layer ${descriptor.digest} does not hold what it says`);
  }
}

/** Wheels are known by their hash, which was checked: whoever finds them in the cache may rely on them. */
async function layWheels(contents: BundleContents, { store, cacheDir }: BuildContext): Promise<void> {
  for (const { digest, filename } of blobsOf(contents)) {
    if (filename === undefined) continue;
    const path = wheelPath(cacheDir, { sha256: digestHex(digest), filename });
    if ((await stat(path).catch(() => undefined)) !== undefined) continue;
    await mkdir(dirname(path), { recursive: true });
    await linkOrCopy(store.blobPath(digest), path);
  }
}

/**
 * A cache for this build alone. A record says what a step once gave, and a bundle could say anything: in the home's own cache a forged one would
 * answer for other builds. What is known by its hash is shared.
 */
async function ownCache(contents: BundleContents, own: string, context: BuildContext): Promise<string> {
  await mkdir(own, { recursive: true, mode: 0o700 });
  for (const shared of ['wheels', 'wheel-layers']) {
    const target = join(context.cacheDir, shared);
    await mkdir(target, { recursive: true });
    await symlink(target, join(own, shared));
  }
  const { postBuild, training, rehearsal, bytecode } = contents;
  if (postBuild !== undefined) await postBuildRecords(own).set(postBuild.key, postBuild.value);
  await trainingRecords({ cacheDir: own }).set(training.key, training.value);
  await rehearsalRecords({ cacheDir: own }).set(rehearsal.key, { reference: undefined, ...rehearsal.value });
  await new LayerCache(own, context.store).getOrMake(bytecode.key, () => Promise.resolve(bytecode.value));
  return own;
}
