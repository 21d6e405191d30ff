import { shortDigest } from '@galley/api/digest';
import { formatDuration } from '@galley/api/kind/duration';
import { formatBytes } from '@galley/api/kind/quantity';
import type { LayerRecord, PhaseRecord } from '@galley/build/build';
import type { Workbench } from '@galley/build/build-workbench';
import type { MadeBuild } from '../service/run-build.ts';
import { describeRecipe } from './recipe.ts';
import { safeText } from './safe-text.ts';
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

function describeLayers(records: readonly LayerRecord[]): string {
  const layers = records.map((layer) => [
    layer.role,
    shortDigest(layer.digest),
    formatBytes(layer.sizeBytes),
    layer.cached ? 'cached' : 'new',
    safeText(layer.from).slice(0, 60),
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
