import { parseDocument } from 'yaml';

/** A YAML document as plain data. Throws the first error of its syntax, or one that says that its aliases would grow without end. */
export function parseYaml(text: string): unknown {
  const document = parseDocument(text);
  const [broken] = document.errors;
  if (broken !== undefined) throw broken;
  return document.toJS({ maxAliasCount: 20 });
}
