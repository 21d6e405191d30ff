import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** Between two requests of a loop: a build beside it is to have the machine as well. */
const pauseMs = 3;

/** What a loop of requests has got until now. */
export interface Load {
  /** The predictions of each loop, in the order in which they came. */
  readonly answers: readonly (readonly unknown[])[];
  /** Everything that was not an answer. */
  readonly failures: readonly string[];
  /** Ends the loops and waits for the requests that are under way. */
  stop(): Promise<void>;
}

/**
 * Sends the same row to a service again and again: one loop over connections that are kept, and one with a connection for each request,
 * as browsers and simple scripts do it.
 */
export function startLoad(url: string, row: Readonly<Record<string, unknown>>): Load {
  const answers: unknown[][] = [];
  const failures: string[] = [];
  const body = JSON.stringify({ dataframe_records: [row] });
  const end = new AbortController();
  const loop = async (agent: Agent): Promise<void> => {
    const mine: unknown[] = [];
    answers.push(mine);
    while (!end.signal.aborted) {
      await ask(`${url}/invocations`, body, agent).then(
        (answer) => mine.push(answer),
        (error: unknown) => failures.push(String(error)),
      );
      await delay(pauseMs);
    }
    agent.destroy();
  };
  const loops = [loop(new Agent({ keepAlive: true })), loop(new Agent({ keepAlive: false }))];
  return {
    answers,
    failures,
    async stop() {
      end.abort();
      await Promise.all(loops);
    },
  };
}

function ask(url: string, body: string, agent: Agent): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const asked = request(url, { method: 'POST', agent, headers, timeout: 30_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if (response.statusCode !== 200) reject(new Error(`${response.statusCode} ${text}`));
        else resolve((JSON.parse(text) as { predictions: unknown[] }).predictions[0]);
      });
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer within 30 s')));
    asked.once('error', reject);
    asked.end(body);
  });
}
