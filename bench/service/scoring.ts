import { median } from '../report/median.ts';
import type { BenchRow } from '../row.ts';
import { askOnce, clientOf, runToEnd, type Served } from './served.ts';

const requests = 1_000;
const warmUp = 200;
/** The predictor as the service calls it, without the service around it: median seconds of a call. */
const bare = `
import json, sys, time
sys.path.append('/opt/galley/runtime')
from galley_runtime._model import enter_app, load
enter_app()
model = load()
rows = json.loads(sys.argv[1])['dataframe_records']
times = []
for _ in range(${requests + warmUp}):
    started = time.perf_counter()
    model.bare(rows)
    times.append(time.perf_counter() - started)
print('bare', sorted(times[${warmUp}:])[${requests >> 1}])
`;

/** One row over HTTP on the replica's socket, one connection, one request at a time, against the bare call in the same image. */
export async function scoring(served: Served, signal: AbortSignal): Promise<BenchRow> {
  const { engine } = served.home;
  await engine.ensure(served.replica('scoring'));
  const client = clientOf(served, 'scoring');
  const times: number[] = [];
  try {
    while ((await askOnce(client, served.body)) !== 200) signal.throwIfAborted();
    for (let turn = 0; turn < requests + warmUp; turn += 1) {
      const from = performance.now();
      if ((await askOnce(client, served.body)) !== 200)
        throw new Error('the replica refused its golden request');
      if (turn >= warmUp) times.push(performance.now() - from);
    }
  } finally {
    await client.close();
    await engine.remove('scoring', 0);
  }
  const command = ['/opt/galley/env/bin/python', '-c', bare, served.body];
  const text = await runToEnd(served, { ...served.replica('scoring-bare'), command, ports: [] }, signal);
  const call = Number(/^bare (\S+)$/m.exec(text)?.[1]) * 1000;
  const answered = median(times);
  return {
    what: 'scoring one row: what a request adds to the bare predictor call, p50',
    ours: `${(answered - call).toFixed(2)} ms`,
    peer: `${call.toFixed(2)} ms (the call alone, in the same image)`,
    ratio: '—',
    target: '≤ 1 ms',
    note: `${requests} requests on one connection, one after the other; schema, monitor, paths and the client's own time included`,
  };
}
