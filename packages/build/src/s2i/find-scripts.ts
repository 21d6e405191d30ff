import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceTree } from '../source/source-tree.ts';
import { fetchScripts, parseScriptUrl } from './script-url.ts';
import { scriptNames, type ScriptName, type SourceFiles } from './source-files.ts';

/** A script: in the image already, or brought along. */
export type Script =
  | { readonly kind: 'image'; readonly path: string }
  | { readonly kind: 'external'; readonly content: Buffer; readonly from: string };

export type Scripts = ReadonlyMap<ScriptName, Script>;

export interface ScriptSources {
  /** What the command line says; undefined: nothing. */
  readonly url: string | undefined;
  readonly cwd: string;
  readonly tree: SourceTree;
  readonly files: SourceFiles;
  /** Of the image's label; undefined: it has none. */
  readonly imageUrl: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Each script where it is found first: the command line's folder, the repository's `.s2i/bin`, the image's label (builders.md §1.2). A label is heard only
 * where it points into the image itself: an image must not make this machine read its files or fetch an address. Throws `BUILDER_INVALID`.
 */
export async function findScripts(sources: ScriptSources): Promise<Scripts> {
  const { url, cwd, tree, files, imageUrl, signal } = sources;
  const scripts = new Map<ScriptName, Script>();
  const inImage = (folder: string): void => {
    for (const name of scriptNames)
      if (!scripts.has(name))
        scripts.set(name, { kind: 'image', path: `${folder}/${name}`.replace('//', '/') });
  };
  if (url !== undefined) {
    const place = parseScriptUrl(url, cwd);
    if (place.kind === 'image') inImage(place.path);
    else {
      for (const [name, content] of await fetchScripts(place, signal))
        scripts.set(name, { kind: 'external', content: asScript(content), from: '--scripts-url' });
    }
  }
  for (const [name, file] of files.scripts) {
    if (scripts.has(name)) continue;
    const content = asScript(await tree.read(file, 1024 * 1024));
    scripts.set(name, { kind: 'external', content, from: file.path });
  }
  if (imageUrl !== undefined) {
    const place = parseScriptUrl(imageUrl, '/');
    if (place.kind === 'image') inImage(place.path);
  }
  return scripts;
}

/** A script that a build cannot do without. Throws `BUILDER_INVALID`. */
export function requireScript(scripts: Scripts, name: ScriptName, builder: string): Script {
  const script = scripts.get(name);
  if (script !== undefined) return script;
  throw new GalleyError('BUILDER_INVALID', `${builder} is no builder image: nothing says where ${name} is.`, {
    hint: `It needs the label io.openshift.s2i.scripts-url=image:///folder, or the repository .s2i/bin/${name}.`,
    details: { builder, script: name },
  });
}

/** Line ends of Windows after `#!` are the commonest reason why a script "does not exist" (builders.md §8.2). */
export function asScript(content: Buffer): Buffer {
  if (!content.subarray(0, 2).equals(Buffer.from('#!')) && content.includes(0)) return content;
  return content.includes('\r\n')
    ? Buffer.from(content.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
    : content;
}
