import { setTimeout as sleep } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Client } from '@galley/api/http/client';

/** The variable in which `examples/flight-delay/weather.py` finds its feed. */
const variable = 'WEATHER_FEED';
const waitMs = 120_000;

/**
 * Points the weather feed of the running service at `address`, or back at the file in its image (null), as an operator would:
 * by the application's configuration. Same image, same reference, new revision. Waits until that revision serves; its name.
 */
export async function pointFeedAt(
  client: Client,
  project: string,
  application: string,
  address: string | null,
  signal: AbortSignal,
): Promise<string> {
  await client.patch(
    'Application',
    project,
    application,
    { spec: { service: { env: { [variable]: address } } } },
    signal,
  );
  const deadline = Date.now() + waitMs;
  while (Date.now() < deadline) {
    const now = await client.get('Application', project, application, signal);
    const name = now?.status.servingRevision;
    const revision = name === undefined ? undefined : await client.get('Revision', project, name, signal);
    const feed = revision?.spec.service.env?.[variable] ?? null;
    if (name !== undefined && revision?.status.serving === true && feed === address) return name;
    await sleep(100, undefined, { signal });
  }
  throw new GalleyError(
    'ROLLOUT_FAILED',
    `The new configuration of ${application} does not serve after 2 minutes.`,
    {
      hint: `galley status ${application}`,
    },
  );
}
