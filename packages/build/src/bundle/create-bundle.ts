import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { digestHex, type Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { canonicalJson } from '@galley/image/canonical-json';
import type { Descriptor } from '@galley/image/descriptor';
import { layoutEntries } from '@galley/image/export/oci-layout';
import { checkTarget, writeArchive, writeBeside } from '@galley/image/export/write-archive';
import { mediaType } from '@galley/image/media-type';
import { jsonBytesMax } from '@galley/image/small-json';
import { debianArchitecture } from '../base/base-lock.ts';
import { buildParts, type BuildParts } from '../build-repository.ts';
import type { BuildContext, BuildOptions, BuildResult, SourceSpec } from '../build.ts';
import { makeWorkFolder } from '../cache/work-folder.ts';
import { packRuntime } from '../layers/runtime-layer.ts';
import type { Lock } from '../lock/lock.ts';
import { openSource } from '../source/open-source.ts';
import type { SourceOrigin } from '@galley/api/kind/application';
import { wheelPath } from '../wheel-cache/wheel-path.ts';
import { blobsOf, bundleType, readContents, type BundleContents } from './contents.ts';
import type { Training } from '../training/training.ts';

/** A bundle that was written. */
export interface CreatedBundle {
  readonly build: BuildResult;
  readonly path: string;
  readonly sizeBytes: number;
  /** Of its manifest: the same build gives the same. */
  readonly digest: Digest;
  readonly wheels: number;
}

/** A blob of a bundle, and where it lies here. */
interface Part {
  readonly descriptor: Descriptor;
  readonly path: string;
}

/**
 * Builds a repository and writes everything that the build was made of into one file. Throws what building throws, `EXPORT_EXISTS`,
 * `BUNDLE_INVALID` for a build that is too large to be described, `DISK_FULL`.
 */
export async function createBundle(
  source: SourceSpec,
  options: BuildOptions,
  context: BuildContext,
  path: string,
): Promise<CreatedBundle> {
  // Before the build: a taken path must not cost ten minutes.
  await checkTarget(path);
  const kept = await keepSource(source, options, context);
  const parts = await buildParts({ kind: 'archive', ...kept }, options, context);
  const described = await describe(parts, options, kept);
  const bytes = Buffer.from(canonicalJson(described), 'utf8');
  if (bytes.byteLength > jsonBytesMax)
    throw new GalleyError(
      'BUNDLE_INVALID',
      `${options.name} has too many packages and modules for a bundle.`,
      {
        details: { bytes: bytes.byteLength, bytesMax: jsonBytesMax },
      },
    );
  // What we write must be what we read.
  const contents = readContents(bytes, path);
  const { store } = context;
  const config = await store.write(bytes, { mediaType: bundleType.contents });
  const layers = await partsOf(contents, context);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaType.manifest,
    artifactType: bundleType.artifact,
    config,
    layers: layers.map(({ descriptor }) => descriptor),
  };
  const root = await store.write(Buffer.from(canonicalJson(manifest), 'utf8'), {
    mediaType: mediaType.manifest,
  });
  const own = [root, config].map((descriptor) => ({ descriptor, path: store.blobPath(descriptor.digest) }));
  const blobs = [...own, ...layers].map(({ descriptor, path: place }) => ({ ...descriptor, path: place }));
  const entries = layoutEntries(root, `${options.name}:bundle`, blobs);
  await writeBeside(path, (temporary) => writeArchive(temporary, entries, context.signal));
  const { size: sizeBytes } = await stat(path);
  const wheels = layers.filter(({ descriptor }) => descriptor.mediaType === bundleType.wheel).length;
  return { build: parts.result, path, sizeBytes, digest: root.digest, wheels };
}

/** The files of the source as the tar that the build of the bundle will open: both builds then begin with the same. */
async function keepSource(
  source: SourceSpec,
  options: BuildOptions,
  context: BuildContext,
): Promise<{ digest: Digest; origin: SourceOrigin }> {
  const workDir = await makeWorkFolder(context.cacheDir, `bundle-${randomUUID()}`);
  try {
    const tree = await openSource(source, { ...context, workDir, object: `build/${options.name}` });
    const { digest, origin, commit, committedAt } = tree;
    await context.store.write(tree.pack(), { mediaType: bundleType.source, expect: digest });
    const known = {
      ...(commit === undefined ? {} : { commit }),
      ...(committedAt === undefined ? {} : { committedAt }),
    };
    return { digest, origin: { text: origin.slice(0, 300), ...known } };
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function describe(
  parts: BuildParts,
  options: BuildOptions,
  source: { readonly digest: Digest; readonly origin: SourceOrigin },
): Promise<object> {
  const { result, environment, post, training, finished } = parts;
  const { cached: _, system, ...base } = environment.base;
  const { cached: __, ...systemLayers } = system;
  const { python, lock } = environment.locked;
  const { notebooks, modernise, asOf, eventTimeColumn, egressHosts } = options;
  return {
    schema: 'galley.dev/bundle/v1',
    runtime: (await packRuntime()).sha256,
    architecture: debianArchitecture(),
    name: options.name,
    options: {
      notebooks,
      python: options.python,
      egressHosts,
      ...(modernise === undefined ? {} : { modernise }),
      ...(asOf === undefined ? {} : { asOf }),
      ...(eventTimeColumn === undefined ? {} : { eventTimeColumn }),
    },
    source,
    python: { version: python.version, from: python.from.slice(0, 2000) },
    base: { ...base, system: systemLayers },
    lock: withoutAddresses(lock),
    tools: withoutAddresses(environment.toolsLock),
    ...(post.key === undefined ? {} : { postBuild: { key: post.key, value: post.kept } }),
    training: { key: result.trainingKey, value: withoutSample(training) },
    rehearsal: { key: finished.rehearsalKey, value: finished.rehearsal },
    bytecode: { key: finished.bytecode.key, value: finished.bytecode.layer },
    expects: { environment: result.environment, image: result.image },
  };
}

/** An address of an index may hold credentials, and it is of no use elsewhere. */
function withoutAddresses(lock: Lock): Lock {
  return { ...lock, wheels: lock.wheels.map((wheel) => ({ ...wheel, url: '' })) };
}

async function partsOf(
  contents: BundleContents,
  { store, cacheDir }: BuildContext,
): Promise<readonly Part[]> {
  return Promise.all(
    blobsOf(contents).map(async ({ mediaType: type, digest, filename }): Promise<Part> => {
      const path =
        filename === undefined
          ? store.blobPath(digest)
          : wheelPath(cacheDir, { sha256: digestHex(digest), filename });
      const title =
        filename === undefined ? {} : { annotations: { 'org.opencontainers.image.title': filename } };
      return { descriptor: { mediaType: type, digest, size: (await stat(path)).size, ...title }, path };
    }),
  );
}

/** A training as it may be carried: its sample's rows stay here (ADR 0040), and what it read from hosts is part of it. */
function withoutSample({ layer, report, executedNotebook, model, madeFiles, warnings }: Training) {
  return {
    layer,
    report,
    executedNotebook,
    model,
    madeFiles,
    warnings,
    sampleInfo: null,
    reachedHosts: [],
  } as const;
}
