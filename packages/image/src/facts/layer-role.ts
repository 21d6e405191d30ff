/** What a layer of ours is for and of what it was made, as the image's history tells it. */
export interface LayerRole {
  /** `base`, `dependencies`, `kernel`, `tools`, `runtime`, `code`, `model`, `bytecode`, `rehearsed`; empty: another tool made it. */
  readonly role: string;
  /** `numpy 2.4.6`, `bookworm (51 packages)`; of other tools their whole line. */
  readonly from: string;
}

/** Reads `galley ROLE FROM`, which every layer of ours has as its line. */
export function layerRole(createdBy: string): LayerRole {
  const [, role = '', from = ''] = /^galley ([a-z]+)(?: (.*))?$/s.exec(createdBy) ?? [];
  return role === '' ? { role: '', from: createdBy } : { role, from };
}

/** `numpy 2.4.6, pandas 3.1.1` by name. */
export function packagesOf(from: string): ReadonlyMap<string, string> {
  const packages = new Map<string, string>();
  for (const part of from.split(', ')) {
    const space = part.lastIndexOf(' ');
    if (space > 0) packages.set(part.slice(0, space), part.slice(space + 1));
  }
  return packages;
}
