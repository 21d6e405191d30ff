import { setTimeout as sleep } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Client } from '@galley/api/http/client';

/** Until when `examples/flight-delay/weather.py` may ask its feed, in Unix seconds. */
const variable = 'WEATHER_FEED_UNTIL';
const rolloutMs = 120_000;
/** The new revision must be up before the feed goes: a service that can't give its golden answers is never let in. */
const leadMs = 20_000;

/**
 * Ends the subscription to the weather feed while the service runs, as happens when nobody renews it: by the application's configuration.
 * Same image, same reference, new revision. Gives back the revision when the feed has gone.
 */
export async function loseFeed(
  client: Client,
  project: string,
  application: string,
  signal: AbortSignal,
): Promise<string> {
  const until = Date.now() + leadMs;
  const revision = await configure(client, project, application, String(Math.ceil(until / 1000)), signal);
  await sleep(Math.max(0, until - Date.now()) + 1500, undefined, { signal });
  return revision;
}

/** Renews the subscription. */
export async function restoreFeed(
  client: Client,
  project: string,
  application: string,
  signal: AbortSignal,
): Promise<void> {
  await configure(client, project, application, null, signal);
}

/** Writes the variable, or takes it away with null, and waits until a revision with it serves; its name. */
async function configure(
  client: Client,
  project: string,
  application: string,
  value: string | null,
  signal: AbortSignal,
): Promise<string> {
  await client.patch(
    'Application',
    project,
    application,
    { spec: { service: { env: { [variable]: value } } } },
    signal,
  );
  const deadline = Date.now() + rolloutMs;
  while (Date.now() < deadline) {
    const now = await client.get('Application', project, application, signal);
    const name = now?.status.servingRevision;
    const revision = name === undefined ? undefined : await client.get('Revision', project, name, signal);
    const set = revision?.spec.service.env?.[variable] ?? null;
    if (name !== undefined && revision?.status.serving === true && set === value) return name;
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
