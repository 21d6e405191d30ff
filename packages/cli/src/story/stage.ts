import { setTimeout as sleep } from 'node:timers/promises';
import type { Emit } from '@galley/api/event';
import type { Client } from '@galley/api/http/client';
import type { MonitorStatus } from '@galley/api/kind/monitor';
import { table } from '../render/table.ts';
import type { ServiceAddress } from '../service/predict.ts';
import type { Day, Span } from './days.ts';
import type { Flight } from './flights.ts';
import type { Answer } from './quality.ts';
import { replayDay } from './replay.ts';

/** What the story is told with. */
export interface Stage {
  readonly client: Client;
  readonly address: ServiceAddress;
  readonly flights: readonly Flight[];
  readonly say: (line: string) => void;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** An answer, and the day of its flight. */
export interface Dated {
  readonly day: string;
  readonly answer: Answer;
}

/** Replays days in their order, one after the other, and tells how far it is. `step` names them. */
export async function replayDays(
  stage: Stage,
  days: readonly Day[],
  step: string,
): Promise<readonly Dated[]> {
  const total = days.reduce((sum, day) => sum + day.flights.length, 0);
  const answers: Dated[] = [];
  const startedMs = Date.now();
  const about = { object: 'story', phase: 'replay', unit: 'requests', total } as const;
  for (const day of days) {
    for (const answer of await replayDay(stage.address, day, stage.signal))
      answers.push({ day: day.day, answer });
    stage.emit({ ...about, step: `${step} ${day.day}`, state: 'progress', done: answers.length });
  }
  const elapsedMs = Date.now() - startedMs;
  stage.emit({ ...about, step, state: 'done', done: answers.length, elapsedMs });
  return answers;
}

/** What the monitor says of a span of event time. */
export function look(stage: Stage, span: Span): Promise<MonitorStatus> {
  const params = { project: stage.address.project, name: stage.address.application };
  return stage.client.call('monitorStatus', { params, query: span, signal: stage.signal });
}

/** The same, once so many requests were counted, or after 20 s what there is: a request is counted after it was answered. */
export async function lookOnce(stage: Stage, requests: number, span: Span): Promise<MonitorStatus> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const status = await look(stage, span);
    if (status.requests >= requests || Date.now() > deadline) return status;
    await sleep(200, undefined, { signal: stage.signal });
  }
}

/** Lines under the margin of a chapter. */
export function tell(stage: Stage, text: string): void {
  for (const line of text.split('\n')) stage.say(line === '' ? '' : `   ${line}`);
}

/** A table under the margin of a chapter. `align`: of each column, as `table` takes it. */
export function tellTable(
  stage: Stage,
  header: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly ('left' | 'right')[],
): void {
  tell(stage, table(header, rows, align));
}
