import type { Engine } from '@galley/engine/engine';

/** On the workload of a build's step: which step it is. */
export const stepLabel = 'dev.galley.step';

/** Labels of a step's workload: by them `sweepWorkloads` knows whose it is. */
export function stepLabels(
  step: string,
  project: string,
  application: string,
): Readonly<Record<string, string>> {
  return { [stepLabel]: step, 'dev.galley.project': project, 'dev.galley.application': application };
}

/**
 * Removes workloads of an application's builds that began before `before` (RFC 3339): a killed process left them, and the build that has just
 * ended did not take them up, since it removes its own.
 */
export async function sweepWorkloads(
  engine: Engine,
  of: { readonly project: string; readonly application: string; readonly before: string },
): Promise<void> {
  for (const { id, labels, startedAt } of await engine.list()) {
    const isStep = labels[stepLabel] !== undefined;
    const isOurs =
      labels['dev.galley.project'] === of.project && labels['dev.galley.application'] === of.application;
    if (isStep && isOurs && (startedAt === undefined || startedAt < of.before)) await engine.remove(id, 0);
  }
}
