import type { Build } from '@galley/api/kind/build';

/** Nothing more will happen to it. */
export function buildHasEnded(build: Pick<Build, 'status'>): boolean {
  const { phase } = build.status;
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';
}
