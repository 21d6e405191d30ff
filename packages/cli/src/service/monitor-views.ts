import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Client } from '@galley/api/http/client';
import type { Decision, DecisionInput } from '@galley/api/kind/decision';
import type { JudgeSettings } from '@galley/control/monitor/judge/detector';
import { replayVerdict, type Replayed } from './replay-verdict.ts';
import { writeNamedFile } from './write-named-file.ts';

/** A monitor, by its application. */
export interface MonitorAddress {
  readonly project: string;
  readonly name: string;
}

/** Makes the verdict again from the counts that the server has recorded, and keeps those in a file where one is named. */
export async function replayRecorded(
  client: Client,
  address: MonitorAddress,
  {
    save,
    settings,
    cwd,
    signal,
  }: {
    readonly save: string | undefined;
    readonly settings: Partial<JudgeSettings>;
    readonly cwd: string;
    readonly signal: AbortSignal;
  },
): Promise<Replayed> {
  const lines: string[] = [];
  const params = { project: address.project, name: address.name };
  async function* kept(): AsyncGenerator {
    for await (const line of client.stream('monitorRecord', { params, signal })) {
      if (save !== undefined) lines.push(JSON.stringify(line));
      yield line;
    }
  }
  const replayed = await replayVerdict(kept(), settings);
  if (save !== undefined) await writeNamedFile({ cwd }, save, `${lines.join('\n')}\n`);
  return replayed;
}

/** The same from a file that `--save` wrote; no server is asked. */
export async function replayFile(path: string, settings: Partial<JudgeSettings>): Promise<Replayed> {
  async function* lines(): AsyncGenerator {
    let number = 0;
    try {
      for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
        number += 1;
        yield parsed(line, path, number);
      }
    } catch (cause) {
      if (cause instanceof GalleyError) throw cause;
      throw new GalleyError('USAGE', `${path} can't be read.`, {
        hint: 'Check the path after --file.',
        cause,
      });
    }
  }
  return replayVerdict(lines(), settings);
}

function parsed(line: string, path: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new GalleyError('USAGE', `Line ${number} of ${path} is no JSON.`, { cause: error });
  }
}

/** Whether a verdict made again is, to the last bit, the one that was recorded. */
export function isSame({ verdict, recorded }: Replayed): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(verdict)), JSON.parse(JSON.stringify(recorded)));
}

export async function decide(
  client: Client,
  address: MonitorAddress,
  body: DecisionInput,
): Promise<Decision> {
  return client.call('monitorDecide', { params: { project: address.project, name: address.name }, body });
}
