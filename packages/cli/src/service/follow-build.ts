import { setTimeout as sleep } from 'node:timers/promises';
import { GalleyError, errorFromBody, type ErrorBody } from '@galley/api/error/galley-error';
import type { Emit } from '@galley/api/event';
import type { Client } from '@galley/api/http/client';
import type { Build } from '@galley/api/kind/build';

/** Shows the events of a build until it has ended; the build as it is then. Throws its own error, `BUILD_CANCELLED`. */
export async function followBuild(
  client: Client,
  build: Build,
  options: {
    readonly project: string;
    readonly emit: Emit;
    readonly signal: AbortSignal;
    /** What builds again. */
    readonly command: string;
  },
): Promise<Build> {
  const params = { project: options.project, name: build.metadata.name };
  for await (const event of client.stream('buildEvents', {
    params,
    query: { follow: 'true' },
    signal: options.signal,
  })) {
    const { time: _, ...rest } = event;
    options.emit(rest);
  }
  for (;;) {
    const now = await client.get('Build', options.project, build.metadata.name);
    if (now?.status.phase === 'Succeeded') return now;
    if (now?.status.phase === 'Failed' && now.status.error !== undefined)
      throw errorFromBody(now.status.error as ErrorBody);
    if (now === undefined || now.status.phase === 'Failed' || now.status.phase === 'Cancelled') {
      throw new GalleyError('BUILD_CANCELLED', `Build ${build.metadata.name} was cancelled.`, {
        hint: `${options.command} builds again.`,
      });
    }
    await sleep(50, undefined, { signal: options.signal });
  }
}
