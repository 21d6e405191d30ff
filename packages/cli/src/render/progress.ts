import { formatDuration } from '@galley/api/kind/duration';
import { formatBytes } from '@galley/api/kind/quantity';
import type { GalleyEvent } from '@galley/api/event';
import type { Colors } from './colors.ts';
import { safeLine } from './safe-text.ts';

/** Where progress is drawn. */
export interface ProgressSink {
  readonly isTTY: boolean;
  readonly columns: number;
  write(text: string): void;
}

export interface Progress {
  show(event: GalleyEvent): void;
  /** Takes away the moving line, so that ordinary output can follow. */
  clear(): void;
}

/** Without a terminal, a running step says a line at most so often: never a silent minute, never a flood. */
const plainIntervalMs = 10_000;

/**
 * Events as lines: a finished step stays, a running one is a bar or a counter on the last line of the terminal. Without a
 * terminal (a log, CI) running steps are told every 10 seconds.
 */
export function createProgress(sink: ProgressSink, colors: Colors, now: () => number): Progress {
  let moving = false;
  let lastPlainMs = 0;
  const clear = (): void => {
    if (moving) sink.write('\r\x1b[2K');
    moving = false;
  };
  return {
    clear,
    show(event) {
      if (event.state === 'progress' || event.state === 'started') {
        if (sink.isTTY) {
          sink.write(`\r\x1b[2K${movingLine(event, sink.columns - 1)}`);
          moving = true;
        } else if (event.state === 'progress' && now() - lastPlainMs >= plainIntervalMs) {
          lastPlainMs = now();
          sink.write(`${movingLine(event, 200)}\n`);
        }
        return;
      }
      clear();
      lastPlainMs = now();
      sink.write(`${doneLine(event, colors)}\n`);
    },
  };
}

function movingLine(event: GalleyEvent, columns: number): string {
  const head = `  … ${event.phase.padEnd(12)} ${event.step === event.phase ? '' : safeLine(event.step)}`;
  const tail = counterOf(event);
  const room = columns - head.length - tail.length - 2;
  const bar =
    event.total !== undefined && event.total > 0 && room >= 14 ? barOf((event.done ?? 0) / event.total) : '';
  return [head, bar, tail]
    .filter((part) => part !== '')
    .join(' ')
    .slice(0, columns);
}

function doneLine(event: GalleyEvent, colors: Colors): string {
  const mark = { done: colors.green('✓'), skipped: colors.dim('·'), failed: colors.red('✗') }[
    event.state as 'done' | 'skipped' | 'failed'
  ];
  const facts = [
    event.state === 'skipped' ? (event.reason ?? 'nothing to do') : counterOf(event),
    event.state !== 'skipped' && event.reason !== undefined ? event.reason : '',
    event.elapsedMs === undefined ? '' : formatDuration(event.elapsedMs),
  ].filter((fact) => fact !== '');
  const tail = facts.length === 0 ? '' : colors.dim(`  ${safeLine(facts.join(', '))}`);
  // A phase as a whole is its own step: said once.
  const step = event.step === event.phase ? '' : safeLine(event.step);
  return step === ''
    ? `  ${mark} ${event.phase.padEnd(11)}${tail}`
    : `  ${mark} ${event.phase.padEnd(12)} ${step}${tail}`;
}

function counterOf(event: GalleyEvent): string {
  if (event.done === undefined) return '';
  const amount = (value: number): string =>
    event.unit === 'bytes' ? formatBytes(value) : value.toLocaleString('en-US');
  const { done, total, state } = event;
  // Done may also be one step of several: then its number is not the whole.
  const whole = total === undefined || (state === 'done' && done >= total);
  const last = whole ? done : total;
  // Units are regular plurals: cells, files, requests, modules.
  const unit =
    event.unit === undefined || event.unit === 'bytes'
      ? ''
      : ` ${last === 1 ? event.unit.replace(/s$/, '') : event.unit}`;
  return whole ? `${amount(done)}${unit}` : `${amount(done)} of ${amount(total)}${unit}`;
}

function barOf(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * 12);
  return `[${'#'.repeat(filled)}${' '.repeat(12 - filled)}]`;
}
