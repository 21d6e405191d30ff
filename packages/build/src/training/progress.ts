import { isObject } from '@galley/api/json-object';
import type { Emit } from '@galley/api/event';
import type { LogLine } from '@galley/engine/engine';
import { textOf } from '../workload/read-json.ts';

const states = new Set(['started', 'progress', 'done', 'failed']);
const units = new Set(['cells', 'rows', 'files', 'requests', 'bytes']);

/** A line that the runtime tells its progress with becomes an event; every other line is the log's alone. */
export function tellProgress(line: LogLine, emit: Emit, object: string): void {
  if (line.stream !== 'stdout' || !line.text.startsWith('{"galley": "progress"')) return;
  const value = parse(line.text);
  if (!isObject(value) || !states.has(textOf(value['state']))) return;
  const unit = textOf(value['unit']);
  emit({
    object,
    phase: textOf(value['phase'], 'training').slice(0, 40),
    step: textOf(value['step']).slice(0, 200),
    // Both were looked up in their sets.
    state: value['state'] as 'started' | 'progress' | 'done' | 'failed',
    ...(units.has(unit) ? { unit: unit as 'cells' | 'rows' } : {}),
    ...(typeof value['done'] === 'number' ? { done: value['done'] } : {}),
    ...(typeof value['total'] === 'number' ? { total: value['total'] } : {}),
    ...(typeof value['seconds'] === 'number' ? { elapsedMs: value['seconds'] * 1000 } : {}),
    ...(typeof value['firstLine'] === 'string' ? { reason: value['firstLine'].slice(0, 200) } : {}),
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
