/** A share for people: `26.9 %`; one that is small but not nothing is never shown as 0. */
export function percent(share: number): string {
  if (share > 0 && share < 0.0005) return '< 0.1 %';
  if (share < 1 && share >= 0.9995) return '> 99.9 %';
  return `${(share * 100).toFixed(1)} %`;
}

/** What sampling alone gives: its mean and how far it goes from that. */
export function bySampling(mean: number, spread: number): string {
  return `${mean.toFixed(3)} ± ${spread.toFixed(3)}`;
}
