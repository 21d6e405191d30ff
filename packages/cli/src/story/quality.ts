/** How good answers were, once the truth is known. */
export interface Quality {
  readonly flights: number;
  readonly late: number;
  /** The chance that a late flight got the higher probability of a late and a punctual one; undefined when one kind is missing. */
  readonly auc: number | undefined;
  /** Mean negative log-likelihood; lower is better. */
  readonly logLoss: number;
  /** Standard error of `logLoss`. */
  readonly logLossError: number;
  /** Share of flights on the right side of one half. */
  readonly right: number;
}

export interface Answer {
  readonly probability: number;
  readonly late: boolean;
}

/** Quality of probabilities against what happened; undefined for no answers. */
export function qualityOf(answers: readonly Answer[]): Quality | undefined {
  if (answers.length === 0) return undefined;
  const late = answers.filter((answer) => answer.late).length;
  let sum = 0;
  let sumOfSquares = 0;
  let right = 0;
  for (const answer of answers) {
    const p = Math.min(1 - 1e-6, Math.max(1e-6, answer.probability));
    const loss = -Math.log(answer.late ? p : 1 - p);
    sum += loss;
    sumOfSquares += loss * loss;
    if (answer.probability > 0.5 === answer.late) right += 1;
  }
  const mean = sum / answers.length;
  return {
    flights: answers.length,
    late,
    auc: aucOf(answers, late),
    logLoss: mean,
    logLossError: Math.sqrt(Math.max(0, sumOfSquares / answers.length - mean * mean) / answers.length),
    right: right / answers.length,
  };
}

/** Mann–Whitney's statistic by ranks; ties share their mean rank. */
function aucOf(answers: readonly Answer[], late: number): number | undefined {
  const punctual = answers.length - late;
  if (late === 0 || punctual === 0) return undefined;
  const sorted = [...answers].sort((a, b) => a.probability - b.probability);
  let rankSum = 0;
  for (let start = 0; start < sorted.length;) {
    let end = start;
    while (end < sorted.length && sorted[end]?.probability === sorted[start]?.probability) end += 1;
    const rank = (start + 1 + end) / 2;
    for (let i = start; i < end; i += 1) if (sorted[i]?.late === true) rankSum += rank;
    start = end;
  }
  return (rankSum - (late * (late + 1)) / 2) / (late * punctual);
}

/** Whether answers became worse: by more than two standard errors of the difference of the mean losses. */
export function isWorse(now: Quality, before: Quality): boolean {
  return now.logLoss - before.logLoss > 2 * Math.hypot(now.logLossError, before.logLossError);
}
