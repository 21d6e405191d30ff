import { isDigest, shortDigest } from '@galley/api/digest';
import { formatDuration } from '@galley/api/kind/duration';
import { formatBytes } from '@galley/api/kind/quantity';
import type { LayerRecord, PhaseRecord } from '@galley/build/build';
import type { Workbench } from '@galley/build/build-workbench';
import type { MadeBuild } from '../service/run-build.ts';
import { describeRecipe } from './recipe.ts';
import { safeText } from './safe-text.ts';
import { shorten } from './shorten.ts';
import { table } from './table.ts';

/** A build for people: what was read, how long each phase took, which layers came of it. */
export function describeBuild(result: MadeBuild | Workbench): string {
  return [
    describeRecipe(result.recipe),
    '',
    describePhases(result.phases),
    '',
    describeLayers(result.layers),
    ...result.warnings.map((warning) => `warning: ${safeText(warning)}`),
    '',
    ...('environment' in result ? [`Environment ${result.environment}`] : []),
    `${'environment' in result ? 'Image      ' : 'Workbench'} ${result.image}`,
    ...('build' in result ? [`Report      galley report build/${result.build}`] : []),
  ].join('\n');
}

/** Layers from the bottom up, as a build or its object tells of them. */
export function describeLayers(
  records: readonly (Omit<LayerRecord, 'digest'> & { readonly digest: string })[],
): string {
  const layers = records.map((layer) => [
    layer.role,
    isDigest(layer.digest) ? shortDigest(layer.digest) : layer.digest,
    formatBytes(layer.sizeBytes),
    layer.cached ? 'cached' : 'new',
    shorten(safeText(layer.from), 60),
  ]);
  return table(['LAYER', 'DIGEST', 'SIZE', '', 'FROM'], layers, ['left', 'left', 'right']);
}

function describePhases(records: readonly PhaseRecord[]): string {
  const phases = records.map((phase) => [
    phase.phase,
    phase.state,
    formatDuration(phase.elapsedMs),
    safeText(phase.reason),
  ]);
  return table(['PHASE', '', 'TIME', 'WHY'], phases, ['left', 'left', 'right']);
}
