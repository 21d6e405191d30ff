import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Client } from '@galley/api/http/client';
import type { Application } from '@galley/api/kind/application';
import { textOption } from '../program.ts';
import { table } from '../render/table.ts';
import { predict } from '../service/predict.ts';
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

async function readRows(
  input: Input,
  context: Context,
): Promise<{ body: string; contentType: 'application/json' | 'text/csv' }> {
  const json = textOption(input, 'json');
  const file = textOption(input, 'file');
  if ((json === undefined) === (file === undefined)) {
    throw new GalleyError('USAGE', 'Rows come from --json or from --file: give one of the two.', {
      hint: 'galley predict --help shows both.',
    });
  }
  if (json !== undefined) return { body: bodyOf(parseRows(json, '--json')), contentType: 'application/json' };
  const path = resolve(context.cwd, file ?? '');
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new GalleyError('USAGE', `${path} can't be read.`, { hint: 'Check the path after --file.', cause });
  });
  if (extname(path) === '.csv') return { body: text, contentType: 'text/csv' };
  const lines =
    extname(path) === '.jsonl'
      ? `[${text
          .split(/\r?\n/)
          .filter((line) => line.trim() !== '')
          .join(',')}]`
      : text;
  return { body: bodyOf(parseRows(lines, path)), contentType: 'application/json' };
}

function parseRows(text: string, from: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch (cause) {
    throw new GalleyError('USAGE', `The rows of ${from} are no JSON.`, {
      hint: `A row looks like {"column": 1.5, "other": "text"}; several are a list of them.`,
      cause,
    });
  }
}

/** MLflow's body: objects are records, anything else an instance. */
function bodyOf(rows: readonly unknown[]): string {
  const records = rows.every((row) => typeof row === 'object' && row !== null && !Array.isArray(row));
  return JSON.stringify(records ? { dataframe_records: rows } : { instances: rows });
}
