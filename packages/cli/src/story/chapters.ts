import { setTimeout as sleep } from 'node:timers/promises';
import type { Emit } from '@galley/api/event';
import type { Client } from '@galley/api/http/client';
import type { MonitorEvent, MonitorStatus, StreamDistance } from '@galley/api/kind/monitor';
import { describeEvent } from '../command/monitor.ts';
import { table } from '../render/table.ts';
import type { ServiceAddress } from '../service/predict.ts';
import { isFuture, isHeldOut, sampleDays, type Day } from './days.ts';
import { farthest, firstFindings, hasMoved } from './findings.ts';
import type { Flight } from './flights.ts';
import { loseFeed, restoreFeed } from './outage.ts';
import { isWorse, qualityOf, type Answer, type Quality } from './quality.ts';
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

/** Requests a day: enough to see a shift within weeks, few enough to tell the year in about a minute. */
const perDay = { heldOut: 40, outage: 40, future: 12 };
const groups = ['inputs', 'joint', 'predictions', 'paths'];

/** Three chapters: held-out weeks, an outage at unchanged inputs, the rest of the real year. */
export async function tellStory(stage: Stage): Promise<void> {
  const heldOut = sampleDays(stage.flights, isHeldOut, perDay.heldOut);
  const before = await heldOutWeeks(stage, heldOut);
  await outage(stage, heldOut.slice(0, 7)); // a whole week: days of the week are as in the reference
  await realMonths(stage, sampleDays(stage.flights, isFuture, perDay.future), before);
}

async function heldOutWeeks(stage: Stage, days: readonly Day[]): Promise<Quality | undefined> {
  const { say } = stage;
  say('\n1. Weeks that the model has not seen, January to March. Nothing should move.');
  const answers = await replay(stage, days, 'held-out weeks');
  const status = await counted(stage, answers.length, windowOf(days));
  const moved = status.streams.filter(hasMoved);
  say(`   ${answers.length.toLocaleString('en-US')} requests, ${days[0]?.day} to ${days.at(-1)?.day}:`);
  say(
    `   ${moved.length === 0 ? 'green: none' : String(moved.length)} of ${status.streams.length} distributions moved; ${firstSeen(status.events)}.`,
  );
  for (const group of groups) sayFarthest(stage, status, group);
  const quality = qualityOf(answers.map((dated) => dated.answer));
  if (quality !== undefined) say(`   The model: ${describeQuality(quality)}.`);
  return quality;
}

async function outage(stage: Stage, days: readonly Day[]): Promise<void> {
  const { say, client, address, signal } = stage;
  say('\n2. The subscription to the weather feed runs out. The requests are the same as before.');
  const { project, application } = address;
  const revision = await loseFeed(client, project, application, signal);
  const answers = await replay(stage, days, 'outage');
  const status = await counted(stage, answers.length, windowOf(days));
  const fallback =
    status.events.find((event) => event.kind === 'fallback') ??
    status.events.find((event) => event.kind === 'path');
  say(`   ${answers.length} requests to ${revision}, ${days[0]?.day} to ${days.at(-1)?.day}:`);
  for (const group of groups) sayFarthest(stage, status, group);
  if (fallback === undefined) say('   No fallback was seen. That is wrong: please report it.');
  else {
    say(
      `   First fallback on ${fallback.time.slice(0, 10)}: ${fallback.notebook} cell ${fallback.cell} line ${fallback.line}, in ${fallback.function}()`,
    );
    say(`     ${(fallback.source ?? '').trim()}`);
  }
  await restoreFeed(client, project, application, signal);
  say('   The feed is back.');
}

async function realMonths(stage: Stage, days: readonly Day[], before: Quality | undefined): Promise<void> {
  const { say } = stage;
  say('\n3. The rest of the real year, April to December.');
  const answers = await replay(stage, days, 'the real year');
  const all = await counted(stage, answers.length, windowOf(days));
  const weekEnds = days.filter((_, index) => index % 7 === 6 || index === days.length - 1);
  const windows = await Promise.all(
    weekEnds.map(async ({ day }) => ({
      day,
      status: await look(stage, { from: start(days[0]?.day), to: end(day) }),
    })),
  );
  const findings = firstFindings(windows);
  say(
    `   ${answers.length.toLocaleString('en-US')} requests, ${days[0]?.day} to ${days.at(-1)?.day}; ${findings.length} of ${all.streams.length} distributions moved:`,
  );
  for (const group of groups) {
    const ofGroup = findings.filter(({ stream }) => stream.group === group);
    for (const { day, stream } of ofGroup.slice(0, 4)) say(`   by ${day}  ${describeStream(stream)}`);
    if (ofGroup.length > 4) say(`                 and ${ofGroup.length - 4} more of ${group}`);
  }
  for (const event of placed(all.events).slice(0, 5))
    say(`   ${event.time.slice(0, 10)}     ${describeEvent(event)}`);
  sayMonths(stage, answers, before);
}

function sayMonths(stage: Stage, answers: readonly Dated[], before: Quality | undefined): void {
  const months = [...new Set(answers.map(({ day }) => day.slice(0, 7)))];
  const rows = months.flatMap((month) => {
    const quality = qualityOf(answers.filter(({ day }) => day.startsWith(month)).map(({ answer }) => answer));
    if (quality === undefined) return [];
    const worse = before !== undefined && isWorse(quality, before);
    return [[month, ...figuresOf(quality), worse ? 'worse' : '']];
  });
  const year = qualityOf(answers.map(({ answer }) => answer));
  stage.say('\n   Was the model right? The true arrivals, month by month:');
  const all = before === undefined ? rows : [['held out', ...figuresOf(before), ''], ...rows];
  const text = table(['', 'FLIGHTS', 'LATE', 'AUC', 'LOG LOSS', ''], all, [
    'left',
    'right',
    'right',
    'right',
    'right',
  ]);
  for (const line of text.split('\n')) stage.say(`   ${line}`);
  if (year === undefined || before === undefined) return;
  const change = isWorse(year, before)
    ? 'became worse'
    : isWorse(before, year)
      ? 'became better'
      : 'did not become measurably worse';
  stage.say(
    `   Over the year the model ${change}: log loss ${before.logLoss.toFixed(3)} → ${year.logLoss.toFixed(3)} (± ${(2 * Math.hypot(year.logLossError, before.logLossError)).toFixed(3)}).`,
  );
}

interface Dated {
  readonly day: string;
  readonly answer: Answer;
}

async function replay(stage: Stage, days: readonly Day[], step: string): Promise<readonly Dated[]> {
  const total = days.reduce((sum, day) => sum + day.flights.length, 0);
  const answers: Dated[] = [];
  const startedMs = Date.now();
  const tell = (state: 'progress' | 'done', day: string, elapsed: object): void =>
    stage.emit({
      object: 'story',
      phase: 'replay',
      step: `${step} ${day}`,
      state,
      unit: 'requests',
      done: answers.length,
      total,
      ...elapsed,
    });
  for (const day of days) {
    for (const answer of await replayDay(stage.address, day, stage.signal))
      answers.push({ day: day.day, answer });
    tell('progress', day.day, {});
  }
  tell('done', '', { elapsedMs: Date.now() - startedMs });
  return answers;
}

interface Window {
  readonly from: string;
  readonly to: string;
}

/** A flight of the evening departs on the next day in UTC: windows reach a day further. */
function windowOf(days: readonly Day[]): Window {
  return { from: start(days[0]?.day), to: end(days.at(-1)?.day) };
}

function start(day: string | undefined): string {
  return `${day ?? '2013-01-01'}T00:00:00Z`;
}

function end(day: string | undefined): string {
  return new Date(Date.parse(start(day)) + 1.5 * 86_400_000).toISOString();
}

function look(stage: Stage, query: Window): Promise<MonitorStatus> {
  const params = { project: stage.address.project, name: stage.address.application };
  return stage.client.call('monitorStatus', { params, query, signal: stage.signal });
}

/** The monitor once it has counted so many requests, or after 20 s what it has: it lags behind by a few seconds. */
async function counted(stage: Stage, requests: number, query: Window): Promise<MonitorStatus> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const status = await look(stage, query);
    if (status.requests >= requests || Date.now() > deadline) return status;
    await sleep(200, undefined, { signal: stage.signal });
  }
}

function sayFarthest(stage: Stage, status: MonitorStatus, group: string): void {
  const stream = farthest(status, group);
  if (stream !== undefined) stage.say(`   ${group.padEnd(12)} farthest: ${describeStream(stream)}`);
}

function describeStream(stream: StreamDistance): string {
  const { gained } = stream;
  const most = gained === undefined ? '' : `; ${gained.cell} ${percent(gained.from)} → ${percent(gained.to)}`;
  return `${stream.id} distance ${stream.totalVariation.toFixed(2)} (${stream.expectedBySampling.toFixed(2)} by sampling, n ${stream.n}${most})`;
}

function describeQuality(quality: Quality): string {
  const auc = quality.auc === undefined ? '' : `AUC ${quality.auc.toFixed(3)}, `;
  return `${auc}log loss ${quality.logLoss.toFixed(3)} ± ${(2 * quality.logLossError).toFixed(3)}, right ${percent(quality.right)}`;
}

function figuresOf(quality: Quality): readonly string[] {
  return [
    String(quality.flights),
    percent(quality.late / quality.flights),
    quality.auc?.toFixed(3) ?? '-',
    quality.logLoss.toFixed(3),
  ];
}

function firstSeen(events: readonly MonitorEvent[]): string {
  return events.length === 0
    ? 'nothing was seen for the first time'
    : `${events.length} values or paths seen for the first time`;
}

/** Events with a place in the source come first: they are the ones to act on. */
function placed(events: readonly MonitorEvent[]): readonly MonitorEvent[] {
  return [...events].sort((a, b) => Number(b.cell !== undefined) - Number(a.cell !== undefined));
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
