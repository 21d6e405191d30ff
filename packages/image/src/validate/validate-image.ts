import { stat } from 'node:fs/promises';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { readImage } from '../assemble/read-image.ts';
import { layersMax } from '../assemble/write-image.ts';
import type { Image } from '../image.ts';
import type { ImageStore } from '../store.ts';
import { checkLayer } from './check-layer.ts';
import { Findings, type Finding } from './finding.ts';

export interface ValidationReport {
  readonly digest: Digest;
  /** No error; warnings may be there. */
  readonly valid: boolean;
  readonly findings: readonly Finding[];
  readonly layers: readonly { readonly digest: Digest; readonly entries: number; readonly bytes: number }[];
}

function checkManifest(image: Image, findings: Findings): void {
  const { manifest, config } = image;
  const docker = [
    manifest.mediaType,
    manifest.config.mediaType,
    ...manifest.layers.map((layer) => layer.mediaType),
  ];
  const dockerCount = docker.filter((type) => type.startsWith('application/vnd.docker.')).length;
  if (dockerCount !== 0 && dockerCount !== docker.length) {
    findings.error('media-type', 'Media types of Docker and OCI are mixed.');
  }
  if (manifest.layers.length > layersMax) {
    findings.error(
      'layers',
      `The image has ${manifest.layers.length} layers; engines stop at 127 and we at ${layersMax}.`,
    );
  }
  const lines = config.history.filter((line) => line.empty_layer !== true).length;
  if (lines !== 0 && lines !== manifest.layers.length) {
    findings.error(
      'history',
      `The history tells of ${lines} layers, but there are ${manifest.layers.length}.`,
    );
  }
  if (lines === 0 && manifest.layers.length > 0) findings.warning('history', 'The image has no history.');
  if (config.os !== 'linux') findings.error('platform', `The image is for ${config.os}, not for linux.`);
  for (const line of config.config.Env ?? []) {
    if (!/^[^=]+=/.test(line)) findings.error('env', `The variable ${JSON.stringify(line)} has no name.`);
  }
}

async function checkConfigBlob(store: ImageStore, image: Image, findings: Findings): Promise<void> {
  const { digest, size } = image.manifest.config;
  const actual = await stat(store.blobPath(digest));
  if (actual.size !== size)
    findings.error('size', `The configuration has ${actual.size} bytes, not ${size}.`);
}

/**
 * Checks everything that an image promises: digests and sizes of every blob, diffIDs by decompressing, history, paths, whiteouts, limits.
 * What is wrong is in the report; it throws only for an image that is not there (`IMAGE_NOT_FOUND`, `BLOB_MISSING`) and on abort.
 */
export async function validateImage(
  store: ImageStore,
  digest: Digest,
  signal?: AbortSignal,
): Promise<ValidationReport> {
  const top = new Findings('manifest');
  let image: Image;
  try {
    image = await readImage(store, digest);
  } catch (error) {
    if (!(error instanceof GalleyError) || error.code === 'BLOB_MISSING') throw error;
    top.error('shape', error.message);
    return { digest, valid: false, findings: top.list, layers: [] };
  }
  checkManifest(image, top);
  await checkConfigBlob(store, image, top);
  const findings = [...top.list];
  const layers: { digest: Digest; entries: number; bytes: number }[] = [];
  for (const [index, layer] of image.layers.entries()) {
    const own = new Findings(`manifest.layers[${index}]`);
    const facts = await checkLayer(store, layer, own, signal);
    layers.push({ digest: layer.descriptor.digest, ...facts });
    findings.push(...own.list);
  }
  return { digest, valid: findings.every((finding) => finding.severity !== 'error'), findings, layers };
}
