import { countOf } from '@galley/api/kind/count';
import type { MonitorStatus, StreamDistance } from '@galley/api/kind/monitor';
import { eventCells, placeOf } from '../render/monitor-event.ts';
import { bySampling } from '../render/share.ts';
import { streamName } from '../render/stream-name.ts';
import { describeVerdict } from '../render/verdict.ts';
import { heldOutBesides, isFuture, sampleDays, spanOf, type Day } from './days.ts';
import { farthest } from './findings.ts';
import { loseFeed, restoreFeed } from './outage.ts';
import { qualityOf, type Quality } from './quality.ts';
import { lookOnce, look, replayDays, tell, tellTable, type Stage } from './stage.ts';
import { describeQuality, tellMonths } from './tell-quality.ts';

/** Requests a day: enough to see a shift within weeks, few enough to tell the year in about a minute. */
const perDay = { heldOut: 40, future: 18 };
const groups = ['inputs', 'joint', 'predictions', 'paths'];

/** Three chapters: held-out weeks, an outage at unchanged inputs, the rest of the real year. */
export async function tellStory(stage: Stage): Promise<void> {
  const heldOut = sampleDays(heldOutBesides(stage.flights), perDay.heldOut);
  // A whole week: days of the week are as in the reference.
  const week = heldOut.slice(0, 7);
  const { quality, ofWeek } = await heldOutWeeks(stage, heldOut, week);
  await outage(stage, week, ofWeek);
  const future = stage.flights.filter(({ day }) => isFuture(day));
  await realMonths(stage, sampleDays(future, perDay.future), quality);
}

async function heldOutWeeks(
  stage: Stage,
  days: readonly Day[],
  week: readonly Day[],
): Promise<{ quality: Quality | undefined; ofWeek: MonitorStatus }> {
  stage.say(
    '\n1. Nothing has changed. Flights of January to March, from weeks that the model has not learned from.',
  );
  const answers = await replayDays(stage, days, 'held-out weeks');
  const status = await lookOnce(stage, answers.length, span(days));
  tell(
    stage,
    `${countOf(answers.length, 'flight')}, ${firstAndLast(days)}, each a request of its own at the time of its departure.`,
  );
  tellVerdict(stage, status);
  tell(stage, `${capital(firstSeen(status))}. The farthest of each kind:`);
  const rows = groups.flatMap((group) => {
    const stream = farthest(status, group);
    return stream === undefined ? [] : [[group, streamName(stream), ...distanceCells(stream)]];
  });
  tellTable(stage, ['', '', 'DISTANCE', 'BY SAMPLING'], rows, ['left', 'left', 'right', 'right']);
  const quality = qualityOf(answers.map((dated) => dated.answer));
  if (quality !== undefined) tell(stage, `The model: ${describeQuality(quality)}.`);
  return { quality, ofWeek: await look(stage, span(week)) };
}

async function outage(stage: Stage, days: readonly Day[], before: MonitorStatus): Promise<void> {
  const { client, address, signal } = stage;
  stage.say(
    '\n2. The weather feed goes silent: its subscription ran out. The first week again, the same requests.',
  );
  const { project, application } = address;
  const revision = await loseFeed(client, project, application, signal);
  const answers = await replayDays(stage, days, 'the week without the feed');
  const status = await lookOnce(stage, answers.length, span(days));
  tell(
    stage,
    `${countOf(answers.length, 'flight')}, ${firstAndLast(days)}, to ${revision}: same image, same reference.`,
  );
  tellVerdict(stage, status);
  tell(stage, 'Farthest of each kind, and where it was:');
  const rows = groups.flatMap((group) => {
    const stream = farthest(status, group);
    if (stream === undefined) return [];
    const former = before.streams.find(({ id }) => id === stream.id);
    const [distance, sampling] = distanceCells(stream);
    return [
      [
        group,
        streamName(stream),
        former === undefined ? '-' : former.totalVariation.toFixed(3),
        distance,
        sampling,
      ],
    ];
  });
  tellTable(stage, ['', '', 'WITH FEED', 'WITHOUT', 'BY SAMPLING'], rows, [
    'left',
    'left',
    'right',
    'right',
    'right',
  ]);
  const fallback = status.events.find((event) => event.kind === 'fallback');
  if (fallback === undefined) tell(stage, 'No fallback was seen. That is wrong: please report it.');
  else {
    tell(stage, `First fallback on ${fallback.time.slice(0, 10)}: ${placeOf(fallback)}`);
    tell(stage, `  ${eventCells(fallback)[3]}`);
    tell(
      stage,
      'The inputs are the same as before, so no watch over inputs can see this. The path through the code does, at the first request.',
    );
  }
  await restoreFeed(client, project, application, signal);
  tell(stage, 'The feed is back.');
}

async function realMonths(stage: Stage, days: readonly Day[], before: Quality | undefined): Promise<void> {
  stage.say('\n3. The rest of the real year, April to December, as it happened.');
  const answers = await replayDays(stage, days, 'the real year');
  const all = await lookOnce(stage, answers.length, span(days));
  tell(stage, `${countOf(answers.length, 'flight')}, ${firstAndLast(days)}. Judged flight by flight:`);
  tellVerdict(stage, all);
  const placed = all.events.filter((event) => event.kind === 'fallback' || event.kind === 'path').slice(0, 5);
  if (placed.length > 0) tell(stage, '\nSeen for the first time:');
  for (const event of placed) tell(stage, eventCells(event).join('  '));
  tellMonths(stage, answers, before);
}

function span(days: readonly Day[]): ReturnType<typeof spanOf> {
  return spanOf(days[0]?.day ?? '', days.at(-1)?.day ?? '');
}

function firstAndLast(days: readonly Day[]): string {
  return `${days[0]?.day ?? ''} to ${days.at(-1)?.day ?? ''}`;
}

function distanceCells(stream: StreamDistance): readonly [distance: string, bySampling: string] {
  return [stream.totalVariation.toFixed(3), bySampling(stream.expectedBySampling, stream.samplingSpread)];
}

function tellVerdict(stage: Stage, { verdict }: MonitorStatus): void {
  if (verdict !== undefined) tell(stage, describeVerdict(verdict));
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function firstSeen({ events }: MonitorStatus): string {
  return events.length === 0
    ? 'nothing was seen for the first time'
    : `${countOf(events.length, 'first sighting')} of values and paths`;
}
