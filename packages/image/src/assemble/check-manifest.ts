import { isObject } from '@galley/api/json-object';
import { isDigest, type Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Descriptor } from '../descriptor.ts';
import type { ImageConfig, Manifest } from '../image.ts';
import { mediaType } from '../media-type.ts';

/** Readers of manifests and configurations that somebody else may have written: shapes are checked before anything is believed. */

/** The error of a broken rule, with the member it is about. */
export function invalid(where: string, problem: string, digest?: Digest): GalleyError {
  return new GalleyError('IMAGE_INVALID', `${where} ${problem}.`, {
    hint: 'galley image validate IMAGE',
    details: { where, ...(digest === undefined ? {} : { digest }) },
  });
}

/** Texts by name, checked; undefined where there are none. Throws `IMAGE_INVALID`. */
export function stringMap(value: unknown, where: string): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalid(where, 'is no object');
  for (const [key, member] of Object.entries(value)) {
    if (typeof member !== 'string') throw invalid(`${where}.${key}`, 'is no text');
  }
  // Every member was checked to be a string.
  return value as Record<string, string>;
}

function stringList(value: unknown, where: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw invalid(where, 'is no list of texts');
  }
  return value;
}

/** A descriptor of any media type. Throws `IMAGE_INVALID`. */
export function readDescriptor(value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw invalid(where, 'is no descriptor');
  const { mediaType: type, digest, size } = value;
  if (typeof type !== 'string' || type.length > 255) throw invalid(`${where}.mediaType`, 'is no media type');
  if (typeof digest !== 'string' || !isDigest(digest))
    throw invalid(`${where}.digest`, 'is no sha256 digest');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`${where}.size`, 'is no size');
  }
  const annotations = stringMap(value['annotations'], `${where}.annotations`);
  const artifactType = value['artifactType'];
  return {
    mediaType: type,
    digest,
    size,
    ...(typeof artifactType === 'string' && artifactType.length <= 255 ? { artifactType } : {}),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** A manifest of one image (not an index). Throws `IMAGE_INVALID`. */
export function readManifest(value: unknown): Manifest {
  if (!isObject(value) || value['schemaVersion'] !== 2)
    throw invalid('The manifest', 'is not of schema version 2');
  const layers = value['layers'];
  if (!Array.isArray(layers)) throw invalid('manifest.layers', 'is no list');
  const annotations = stringMap(value['annotations'], 'manifest.annotations');
  return {
    schemaVersion: 2,
    mediaType: typeof value['mediaType'] === 'string' ? value['mediaType'] : mediaType.manifest,
    config: readDescriptor(value['config'], 'manifest.config'),
    layers: layers.map((layer, index) => readDescriptor(layer, `manifest.layers[${index}]`)),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function readRuntime(value: unknown): ImageConfig['config'] {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw invalid('config.config', 'is no object');
  for (const key of ['User', 'WorkingDir', 'StopSignal']) {
    const text = value[key];
    if (text !== undefined && typeof text !== 'string') throw invalid(`config.config.${key}`, 'is no text');
  }
  for (const key of ['Env', 'Entrypoint', 'Cmd']) stringList(value[key], `config.config.${key}`);
  stringMap(value['Labels'], 'config.config.Labels');
  const ports = value['ExposedPorts'];
  if (ports !== undefined && ports !== null && !isObject(ports)) {
    throw invalid('config.config.ExposedPorts', 'is no object');
  }
  // Docker writes null for absent members; ours never hold it, so that merging needs no second case.
  const present = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(present) as ImageConfig['config'];
}

function readHistory(value: unknown): ImageConfig['history'] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid('config.history', 'is no list');
  return value.map((line: unknown, index) => {
    if (!isObject(line)) throw invalid(`config.history[${index}]`, 'is no object');
    const { created, created_by: by, empty_layer: empty } = line;
    return {
      created: typeof created === 'string' ? created : '',
      created_by: typeof by === 'string' ? by : '',
      ...(empty === true ? { empty_layer: true } : {}),
    };
  });
}

/** An image configuration. Throws `IMAGE_INVALID`. */
export function readConfig(value: unknown): ImageConfig {
  if (!isObject(value)) throw invalid('The configuration', 'is no object');
  const { architecture, os, created, rootfs } = value;
  if (typeof architecture !== 'string' || architecture === '')
    throw invalid('config.architecture', 'is missing');
  if (typeof os !== 'string' || os === '') throw invalid('config.os', 'is missing');
  if (!isObject(rootfs) || rootfs['type'] !== 'layers')
    throw invalid('config.rootfs', 'is not of type "layers"');
  const ids = stringList(rootfs['diff_ids'], 'config.rootfs.diff_ids') ?? [];
  return {
    architecture,
    os,
    created: typeof created === 'string' ? created : '',
    config: readRuntime(value['config']),
    rootfs: {
      type: 'layers',
      diff_ids: ids.map((id, index) => {
        if (!isDigest(id)) throw invalid(`config.rootfs.diff_ids[${index}]`, 'is no sha256 digest');
        return id;
      }),
    },
    history: readHistory(value['history']),
  };
}
