/** A program that a package wants in `bin`. */
export interface EntryPoint {
  /** The name of the file. */
  readonly name: string;
  readonly module: string;
  /** The attribute that is called, dotted. */
  readonly attribute: string;
}

const namePattern = /^[\p{L}\p{N}_][\p{L}\p{N}_.+ -]{0,127}$/u;
const dottedPattern = /^[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*)*$/u;
const sections = new Set(['console_scripts', 'gui_scripts']);

/**
 * The programs of entry_points.txt, by name. The text becomes Python source of the launcher, so module and attribute must be dotted
 * identifiers and the name a plain file name; a line that is not is handed to `onFault`.
 */
export function parseEntryPoints(text: string, onFault: (line: string) => never): EntryPoint[] {
  const points = new Map<string, EntryPoint>();
  let section = '';
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const header = /^\[(.*)\]$/.exec(line)?.[1];
    if (header !== undefined) {
      section = header.trim();
      continue;
    }
    if (!sections.has(section)) continue;
    // `name = module:attribute [extras]`; extras are a relic and ignored.
    const match = /^([^=]+?)\s*=\s*([^\s:]+)\s*:\s*([^\s[]+)\s*(?:\[[^\]]*\])?$/.exec(line);
    const [, name = '', module = '', attribute = ''] = match ?? [];
    if (!namePattern.test(name) || !dottedPattern.test(module) || !dottedPattern.test(attribute))
      onFault(line);
    points.set(name, { name, module, attribute });
  }
  return [...points.values()];
}
