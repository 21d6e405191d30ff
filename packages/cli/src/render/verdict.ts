import { countOf } from '@galley/api/kind/count';
import type { Decision } from '@galley/api/kind/decision';
import type { Moved, Verdict } from '@galley/api/kind/verdict';
import type { Replayed } from '../service/replay-verdict.ts';
import { safeLine } from './safe-text.ts';
import { percent } from './share.ts';
import { shorten } from './shorten.ts';
import { streamName } from './stream-name.ts';
import { table } from './table.ts';

/** Streams of an alarm that get a line. */
const listed = 12;

/** A verdict in words and numbers: what moved, from where to where, since when, and under which promise. */
export function describeVerdict(verdict: Verdict): string {
  const { moved } = verdict;
  const blocks = [headOf(verdict)];
  if (moved.length > 0) {
    const rows = moved.slice(0, listed).map(movedCells);
    const rest = moved.length - rows.length;
    blocks.push(
      table(
        ['', '', 'SHARE OF', 'REFERENCE', 'SINCE', 'NOW', 'REQUESTS'],
        [...rows, ...(rest > 0 ? [[`and ${rest} more`]] : [])],
        ['left', 'left', 'left', 'right', 'left', 'right', 'right'],
      ),
    );
  }
  blocks.push(promiseOf(verdict));
  return blocks.join('\n');
}

function headOf({ state, streams, requests, needs, moved, alarmAt, decision }: Verdict): string {
  const of = countOf(streams, 'stream');
  const after =
    decision === undefined
      ? ''
      : ` Judged since ${minute(decision.judgedFrom)}, after ${safeLine(decision.by)} ${decision.kind === 'accept' ? 'accepted live requests as the reference' : 'acknowledged'}.`;
  if (state === 'blind') {
    return `Verdict: blind. No alarm in ${countOf(requests, 'request')}; it takes about ${(needs ?? 0).toLocaleString('en-US')} more until a moderate shift (0.3 standard deviations) would be found.${after}`;
  }
  if (state === 'ok')
    return `Verdict: ok. None of ${of} has moved in ${countOf(requests, 'request')}.${after}`;
  const when = alarmAt === undefined ? '' : `, alarm at ${minute(alarmAt)}`;
  return `Verdict: ${state}. ${moved.length} of ${of} moved${when}.${after}`;
}

function movedCells(moved: Moved): readonly string[] {
  return [
    `  ${streamName(moved)}`,
    safeLine(moved.group),
    shorten(safeLine(cellsOf(moved.cells)), 40),
    percent(moved.from),
    minute(moved.since),
    percent(moved.to),
    moved.requests.toLocaleString('en-US'),
  ];
}

/** Neighbours in their order are told by the first and the last. */
function cellsOf(cells: readonly string[]): string {
  return cells.length <= 2 ? cells.join(' or ') : `${cells[0]} … ${cells.at(-1)}`;
}

function promiseOf({ falseAlarmsPerYear, tolerance, requestsAlike, evidence, threshold }: Verdict): string {
  const alike =
    requestsAlike === 1
      ? 'requests are independent'
      : `${requestsAlike} requests say as much as one that is independent`;
  const often =
    falseAlarmsPerYear >= 1
      ? `${falseAlarmsPerYear} a year`
      : `one in ${(1 / falseAlarmsPerYear).toLocaleString('en-US', { maximumFractionDigits: 1 })} years`;
  return `False alarms: ${often} at most, if ${alike}. Evidence 10^${evidence.toFixed(1)}, alarm at 10^${threshold.toFixed(1)}; shifts below ${tolerance} standard deviations do not matter.`;
}

function minute(time: string): string {
  return safeLine(time.replace(/:\d\d(\.\d+)?Z$/, 'Z').replace('T', ' '));
}

/** What `galley monitor NAME replay` says. `same`: whether it is the verdict that was recorded; undefined: it was made under other settings. */
export function describeReplay(name: string, replayed: Replayed, same: boolean | undefined): string {
  const { revision, verdict } = replayed;
  const made = `Monitor ${name}, ${safeLine(revision)}: judged again from ${countOf(verdict.buckets, 'bucket')} of five minutes.`;
  const against =
    same === undefined
      ? 'Under other settings than the server’s; nothing was changed there.'
      : same
        ? 'It is, to the last bit, the verdict of the server.'
        : 'It is NOT the verdict of the server: the record was changed, or made by another version.';
  return [made, describeVerdict(verdict), alikeOf(replayed), against].join('\n');
}

/** What was measured of dependence, and what to do about it. */
function alikeOf({ overdispersion: [most], verdict }: Replayed): string {
  if (most === undefined) {
    return 'How much alike requests of a day are is not known yet: it takes counts of fourteen blocks of time.';
  }
  const hours = most.minutes / 60;
  const blocks = hours < 1 ? `${most.minutes} minutes` : countOf(hours, 'hour');
  const measured = `Over blocks of ${blocks} ${safeLine(most.id)} varies ${most.factor.toFixed(1)} times as much as independent requests would`;
  return most.factor <= 1.5 * verdict.requestsAlike
    ? `${measured}.`
    : `${measured}. Where that is no drift: monitor.requestsAlike: ${Math.ceil(most.factor)} in galley.yaml.`;
}

/** What was decided, for people. */
export function describeDecision(name: string, { kind, judgedFrom, requests }: Decision): string {
  const judged = `judged anew from ${minute(judgedFrom)}`;
  return kind === 'accept'
    ? `Monitor ${name}: ${countOf(requests ?? 0, 'live request')} are the reference now; ${judged}.`
    : `Monitor ${name}: acknowledged; ${judged}.`;
}
