import { percent } from '../render/share.ts';
import { isWorse, qualityOf, type Quality } from './quality.ts';
import { tell, tellTable, type Dated, type Stage } from './stage.ts';

/** One line: how good answers were. */
export function describeQuality(quality: Quality): string {
  const auc = quality.auc === undefined ? '' : `AUC ${quality.auc.toFixed(3)}, `;
  return `${auc}log loss ${quality.logLoss.toFixed(3)} ± ${(2 * quality.logLossError).toFixed(3)}, right about ${percent(quality.right)} of the flights`;
}

/** Month by month how good the answers were, from the true arrivals, and whether the model became worse. */
export function tellMonths(stage: Stage, answers: readonly Dated[], before: Quality | undefined): void {
  const months = [...new Set(answers.map(({ day }) => day.slice(0, 7)))];
  const rows = months.flatMap((month) => {
    const quality = qualityOf(answers.filter(({ day }) => day.startsWith(month)).map(({ answer }) => answer));
    if (quality === undefined) return [];
    const worse = before !== undefined && isWorse(quality, before);
    return [[month, ...figuresOf(quality), worse ? 'worse' : '']];
  });
  tell(stage, '\nThat distributions move says nothing of the model yet. The true arrivals do:');
  const all = before === undefined ? rows : [['held out', ...figuresOf(before), ''], ...rows];
  tellTable(stage, ['', 'FLIGHTS', 'LATE', 'AUC', 'LOG LOSS', ''], all, [
    'left',
    'right',
    'right',
    'right',
    'right',
  ]);
  const year = qualityOf(answers.map(({ answer }) => answer));
  if (year === undefined || before === undefined) return;
  const change = isWorse(year, before)
    ? 'became worse'
    : isWorse(before, year)
      ? 'became better'
      : 'did not become measurably worse';
  const error = 2 * Math.hypot(year.logLossError, before.logLossError);
  tell(
    stage,
    `Over the year the model ${change}: log loss ${before.logLoss.toFixed(3)} → ${year.logLoss.toFixed(3)} (± ${error.toFixed(3)}).`,
  );
}

function figuresOf(quality: Quality): readonly string[] {
  return [
    quality.flights.toLocaleString('en-US'),
    percent(quality.late / quality.flights),
    quality.auc?.toFixed(3) ?? '-',
    quality.logLoss.toFixed(3),
  ];
}
