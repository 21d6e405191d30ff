import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Client } from '@galley/api/http/client';
import type { Application } from '@galley/api/kind/application';
import { textOption } from '../program.ts';
import { table } from '../render/table.ts';
import { predict } from '../service/predict.ts';
import { rowsOfFile, rowsOfText, type RowsBody } from '../service/rows.ts';
import type { Command, Context, Input } from './command.ts';
import { findApplication } from '../service/find.ts';

export const command: Command = {
  summary: 'Ask a service for predictions',
  description:
    'Rows are JSON objects by column name. A file is CSV with a header line, JSON with a list of rows, or JSON Lines.',
  examples: [
    `galley predict iris --json '[{"sepal length (cm)": 5.1, "sepal width (cm)": 3.5, "petal length (cm)": 1.4, "petal width (cm)": 0.2}]'`,
    'galley predict flight-delay --file rows.jsonl -o json',
    'galley predict flight-delay --file rows.csv',
  ],
  arguments: [{ name: 'NAME', description: 'the application', completes: 'application' }],
  options: [
    { flags: '--json <ROWS>', description: 'one row or a list of rows' },
    { flags: '--file <PATH>', description: 'rows.csv, rows.json or rows.jsonl' },
    {
      flags: '--event-time <TIME>',
      description: 'when it happened (RFC 3339), for the monitors; needs monitor.eventTime',
    },
  ],
  async run(input, context) {
    const [name = ''] = input.args;
    const { body, contentType } = await readRows(input, context);
    const client = await context.connect();
    const application = await findApplication(client, name, context.project);
    const { gateway } = await client.call('serverInfo', {});
    const eventTime = textOption(input, 'eventTime');
    if (eventTime !== undefined) await requireEventTime(client, application);
    const predictions = await predict({ gateway, project: context.project, application: name }, body, {
      contentType,
      signal: context.signal,
      ...(eventTime === undefined ? {} : { eventTime }),
    });
    return {
      text: table(
        ['ROW', 'PREDICTION'],
        predictions.map((value, row) => [String(row + 1), textOf(value)]),
        ['right'],
      ),
      value: { predictions },
      names: predictions.map(textOf),
    };
  },
};

/** A time that the service does not believe would be ignored without a word. */
async function requireEventTime(client: Client, { metadata, status }: Application): Promise<void> {
  const { name, namespace } = metadata;
  const serving = status.servingRevision;
  const revision = serving === undefined ? undefined : await client.get('Revision', namespace, serving);
  if (revision === undefined || revision.spec.monitor?.eventTime === true) return;
  throw new GalleyError('USAGE', `${name} counts requests when they arrive: it takes no event time.`, {
    hint: 'Write `monitor: {eventTime: true}` into galley.yaml and deploy again, or leave --event-time out.',
  });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

async function readRows(input: Input, context: Context): Promise<RowsBody> {
  const json = textOption(input, 'json');
  const file = textOption(input, 'file');
  if ((json === undefined) === (file === undefined)) {
    throw new GalleyError('USAGE', 'Rows come from --json or from --file: give one of the two.', {
      hint: 'galley predict --help shows both.',
    });
  }
  if (json !== undefined) return rowsOfText(json);
  const path = resolve(context.cwd, file ?? '');
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new GalleyError('USAGE', `${path} can't be read.`, { hint: 'Check the path after --file.', cause });
  });
  return rowsOfFile(path, bytes);
}
