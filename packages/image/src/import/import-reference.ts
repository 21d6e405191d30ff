import { resolve } from 'node:path';

/** How an image lies on the disk. */
export type ImportFormat = 'oci' | 'oci-archive' | 'docker-archive';

export interface ImportReference {
  readonly format: ImportFormat;
  /** Absolute. */
  readonly path: string;
  /** Undefined: the only image in there. */
  readonly tag: string | undefined;
}

const formats: ReadonlySet<string> = new Set<ImportFormat>(['oci', 'oci-archive', 'docker-archive']);

/** Reads `FORMAT:PATH[:TAG]`, as skopeo writes it; undefined when it is none of these formats. Relative paths begin at `cwd`. */
export function parseImportReference(text: string, cwd: string): ImportReference | undefined {
  const [format = '', ...rest] = text.split(':');
  if (!formats.has(format) || rest.length === 0) return undefined;
  const [path = '', ...tag] = rest;
  if (path === '') return undefined;
  const name = tag.join(':');
  return {
    // Looked up above.
    format: format as ImportFormat,
    path: resolve(cwd, path),
    tag: name === '' ? undefined : name,
  };
}
