import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceTree } from '../source/source-tree.ts';
import type { S2iRequest } from './s2i.ts';
import { fetchScripts, parseScriptUrl } from './script-url.ts';
import { scriptNames, type ScriptName, type SourceFiles } from './source-files.ts';

/** A script: in the image already, or brought along. */
export type Script =
  | { readonly kind: 'image'; readonly path: string }
  | { readonly kind: 'external'; readonly content: Buffer };

export type Scripts = ReadonlyMap<ScriptName, Script>;

/**
 * What goes before the scripts of an image: of the folder that the command line names, else of the source's `.s2i/bin` (builders.md §1.2). Throws
 * `BUILDER_INVALID`.
 */
export async function findScripts(
  { scriptsUrl, cwd }: Pick<S2iRequest, 'cwd' | 'scriptsUrl'>,
  source: { readonly tree: SourceTree; readonly files: SourceFiles } | undefined,
  signal: AbortSignal,
): Promise<Scripts> {
  const place = scriptsUrl === undefined ? undefined : parseScriptUrl(scriptsUrl, cwd);
  if (place?.kind === 'image') return scriptsIn(place.path);
  const scripts = new Map<ScriptName, Script>();
  const bring = (name: ScriptName, content: Buffer): void =>
    void scripts.set(name, { kind: 'external', content: asScript(content) });
  if (source !== undefined)
    for (const [name, file] of source.files.scripts) bring(name, await source.tree.read(file, 1024 * 1024));
  if (place !== undefined)
    for (const [name, content] of await fetchScripts(place, signal)) bring(name, content);
  return scripts;
}

/**
 * The scripts that were found, and what they lack from where the image's label says. A label is heard only where it points into the image itself: an
 * image must not make this machine read its files or fetch an address. Throws `BUILDER_INVALID`.
 */
export function withImageScripts(found: Scripts, label: string | undefined): Scripts {
  const place = label === undefined ? undefined : parseScriptUrl(label, '/');
  return place?.kind === 'image' ? new Map([...scriptsIn(place.path), ...found]) : found;
}

function scriptsIn(folder: string): Scripts {
  return new Map(
    scriptNames.map((name) => [name, { kind: 'image', path: `${folder}/${name}`.replace('//', '/') }]),
  );
}

/** Its absolute path in an image; one that was brought along lies in `folder`, which has no leading slash. */
export function scriptPath(script: Script, name: ScriptName, folder: string): string {
  return script.kind === 'image' ? script.path : `/${folder}/${name}`;
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
function asScript(content: Buffer): Buffer {
  if (!content.subarray(0, 2).equals(Buffer.from('#!')) && content.includes(0)) return content;
  return content.includes('\r\n')
    ? Buffer.from(content.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
    : content;
}
