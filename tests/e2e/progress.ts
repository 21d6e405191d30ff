import type { Client } from '@galley/api/http/client';
import type { KindName } from '@galley/api/kind/kinds';
import { project } from './server-home.ts';

/**
 * Counts signs of progress of a deploy: events of its build and changes of the objects that it makes. Comes back with their number when there
 * are `enough`, or when `end` has come.
 */
export async function untilProgress(
  client: Client,
  build: string,
  enough: number,
  end: Promise<unknown>,
): Promise<number> {
  const stop = new AbortController();
  const { signal } = stop;
  let signs = 0;
  const count = async (lines: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of lines) {
      if (signs >= enough) return;
      signs += 1;
      if (signs === enough) stop.abort();
    }
  };
  // A revision has the name of the build that made it.
  const watch = (kind: KindName): Promise<void> =>
    count(client.watch(kind, project, { name: build, signal }));
  const params = { project, name: build };
  const counting = [
    count(client.stream('buildEvents', { params, query: { follow: 'true' }, signal })),
    watch('Build'),
    watch('Revision'),
  ].map((one) => one.catch(() => undefined));
  const reached = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  await Promise.race([reached, end]);
  stop.abort();
  await Promise.all(counting);
  return signs;
}
