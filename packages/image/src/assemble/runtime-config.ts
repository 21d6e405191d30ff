import type { RuntimeConfig } from '../image.ts';

/** A change of a configuration: members that are present replace, except Env, Labels and ExposedPorts, which are merged by name. */
export type ConfigChange = Partial<RuntimeConfig>;

function mergeEnv(base: readonly string[], change: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const line of [...base, ...change]) byName.set(line.split('=', 1)[0] ?? line, line);
  return [...byName.values()];
}

/** The configuration of a base with a change on top; a variable keeps its place, a changed command also drops the base's arguments. */
export function mergeConfig(base: RuntimeConfig, change: ConfigChange): RuntimeConfig {
  const merged: Record<string, unknown> = { ...base, ...change };
  // A new entry point makes the old arguments meaningless; Docker clears them too.
  if (change.Entrypoint !== undefined && change.Cmd === undefined) delete merged['Cmd'];
  if (base.Env !== undefined || change.Env !== undefined) {
    merged['Env'] = mergeEnv(base.Env ?? [], change.Env ?? []);
  }
  if (base.Labels !== undefined || change.Labels !== undefined) {
    merged['Labels'] = { ...base.Labels, ...change.Labels };
  }
  if (base.ExposedPorts !== undefined || change.ExposedPorts !== undefined) {
    merged['ExposedPorts'] = { ...base.ExposedPorts, ...change.ExposedPorts };
  }
  return merged;
}
