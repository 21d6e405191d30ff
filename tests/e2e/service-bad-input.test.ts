import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { galley, type Session } from '../cli/galley.ts';
import { fixture } from './build-home.ts';

/**
 * Issue 3, "Bad input", at a service that was deployed as a user deploys it: every refusal comes through the gateway in the shape of its
 * protocol, names row and column, and the same process answers the next request. The replica has 256 MiB.
 */
type Row = Readonly<Record<string, unknown>>;
const good: Row = { carrier: 'UA', distance: 1400.5, hour: 6, wind: 3.5 };
const answer = 1400.5 * 0.12 + 3.5;
const base = '/apps/default/rows';

let home: string;
let gateway: string;
let firstPid: number;
/** What a client hears that stops in the middle of its body; it begins before the other tests, which are served meanwhile. */
let slow: Promise<string>;
const run = (...args: string[]): Promise<Session> => galley(args, { home });

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'galley-bad-'));
  const deployed = await run('deploy', fixture('raises-on-some-rows'), '--name', 'rows');
  if (deployed.exitCode !== 0) throw new Error(deployed.stderr);
  ({ gateway } = (await json('server', 'status')) as { gateway: string });
  firstPid = await pid();
  slow = half().then(textOf);
}, 300_000);

afterAll(async () => {
  await run('server', 'stop');
  await rm(home, { recursive: true, force: true });
}, 60_000);

afterEach(async () => {
  const { status, text } = await ask('/v1/models/rows:predict', { instances: [good] });
  if (text !== `{"predictions":[${answer}]}`)
    throw new Error(`the service no longer serves: ${status} ${text}`);
});

async function json(...args: string[]): Promise<unknown> {
  return JSON.parse((await run(...args, '-o', 'json')).stdout);
}

async function pid(): Promise<number> {
  const { inspection } = (await json('inspect', 'rows')) as {
    inspection: { processes: { pid: number; command: string }[] };
  };
  return inspection.processes.find(({ command }) => command.includes('galley_runtime serve'))?.pid ?? 0;
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly text: string;
}

async function ask(
  path: string,
  body: string | Uint8Array<ArrayBuffer> | object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`${gateway}${base}${path}`, {
    method: 'POST',
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
  const text = await response.text();
  expect(text).not.toMatch(/Traceback|\.py\b|File "/);
  const isJson = response.headers.get('content-type') === 'application/json';
  return { status: response.status, text, body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} };
}

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const csv = { 'content-type': 'text/csv' };

function tensors(rows: readonly Row[]): object {
  const types: Record<string, string> = { carrier: 'BYTES', hour: 'INT64' };
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return {
    inputs: names.map((name) => ({
      name,
      shape: [rows.length],
      datatype: types[name] ?? 'FP64',
      data: rows.map((row) => row[name] ?? null),
    })),
  };
}

function lines(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  return [names.join(','), ...rows.map((row) => names.map((name) => cell(row[name] ?? '')).join(','))].join(
    '\n',
  );
}

/** One way to ask, and what an error looks like there. */
interface Protocol {
  readonly name: string;
  ask(rows: readonly Row[]): Promise<Answer>;
  /** True when the refusal has the shape that clients of this protocol read. */
  speaks(refusal: Answer): boolean;
  /** Whether a refusal is JSON with code, row and column; else they are in its words alone. */
  readonly hasFacts: boolean;
}

const inJson = ({ body }: Answer): boolean => typeof body['error'] === 'string';
const protocols: readonly Protocol[] = [
  {
    name: 'V1',
    ask: (rows) => ask('/v1/models/rows:predict', { instances: rows }),
    speaks: inJson,
    hasFacts: true,
  },
  { name: 'V2', ask: (rows) => ask('/v2/models/rows/infer', tensors(rows)), speaks: inJson, hasFacts: true },
  {
    name: 'MLflow',
    ask: (rows) => ask('/invocations', { dataframe_records: rows }),
    speaks: ({ body }) => body['message'] === body['error'] && body['error_code'] === body['code'],
    hasFacts: true,
  },
  {
    name: 'MLflow CSV',
    ask: (rows) => ask('/invocations', lines(rows), csv),
    speaks: ({ body }) => typeof body['error_code'] === 'string',
    hasFacts: true,
  },
  {
    name: 'form',
    ask: (rows) => ask('/predict', `json_args=${encodeURIComponent(JSON.stringify(rows))}`, form),
    speaks: ({ text }) => !text.startsWith('{') && text.endsWith('\n'),
    hasFacts: false,
  },
];

const { hour: _, ...short } = good;
const gap: readonly Row[] = [good, { ...good, distance: null }];
const badRows: readonly (readonly [what: string, row: Row, column: string, words: RegExp])[] = [
  ['a missing column', short, 'hour', /no column hour|hour of row 1 is null/],
  ['a mistyped column', { ...good, distance: 'far' }, 'distance', /not a number/],
  ['a null column', { ...good, carrier: null }, 'carrier', /carrier of row 1 is null/],
];

describe.each(protocols)('$name', (protocol) => {
  test.each(badRows)('%s is named by row and column', async (_what, row, column, words) => {
    const refusal = await protocol.ask([good, row]);
    expect(refusal.status).toBe(422);
    expect(protocol.speaks(refusal)).toBe(true);
    expect(refusal.text).toMatch(words);
    expect(refusal.body).toMatchObject(protocol.hasFacts ? { code: 'INVALID_COLUMN', row: 1, column } : {});
  });

  test('an extra column is named, with the one that was perhaps meant', async () => {
    const refusal = await protocol.ask([{ ...good, ditsance: 1 }]);
    expect(refusal.status).toBe(422);
    expect(refusal.text).toMatch(/Row 0 has an unknown column ditsance[^]*Did you mean distance/);
  });

  test('a predictor that raises is 500 by type and message', async () => {
    const refusal = await protocol.ask([good, { ...good, carrier: 'XX' }]);
    expect(refusal.status).toBe(500);
    expect(protocol.speaks(refusal)).toBe(true);
    expect(refusal.text).toContain("The predictor raised KeyError: 'XX'");
    expect(refusal.body).toMatchObject(
      protocol.hasFacts ? { code: 'PREDICTOR_FAILED', notebook: 'model.ipynb', cell: 2 } : {},
    );
  });

  test('a row that the validator refuses is named', async () => {
    const refusal = await protocol.ask([good, { ...good, distance: -3 }]);
    expect(refusal.status).toBe(422);
    expect(refusal.text).toContain('row 1 cannot be scored');
  });
});

describe('what is no request of the protocol', () => {
  test('NaN is no JSON for V1, and named by row and column', async () => {
    const refusal = await ask('/v1/models/rows:predict', withNan({ instances: gap }));
    expect(refusal.status).toBe(400);
    expect(refusal.body).toMatchObject({ code: 'INVALID_JSON', row: 1, column: 'distance' });
    expect(refusal.body['hint']).toContain('null');
  });

  // Their own clients write NaN for a missing number (protocols.md): it is a null, and this column has none.
  test.each([
    ['/invocations', { dataframe_records: gap }],
    ['/v2/models/rows/infer', tensors(gap)],
  ])('NaN at %s is a null, named by row and column where none may be', async (path, body) => {
    const refusal = await ask(path, withNan(body));
    expect(refusal.status).toBe(422);
    expect(refusal.body).toMatchObject({ code: 'INVALID_COLUMN', row: 1, column: 'distance' });
    expect(refusal.text).toContain('distance of row 1 is null');
  });

  test.each(['/v1/models/rows:predict', '/v2/models/rows/infer', '/invocations', '/predict'])(
    'invalid UTF-8 at %s is named by its byte, another content type by the one to send',
    async (path) => {
      const bytes = new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]);
      const broken = await ask(path, bytes, path === '/predict' ? form : {});
      expect(broken.status).toBe(400);
      expect(broken.text).toMatch(/byte 2 is 0xff|UTF-8/);
      const typed = await ask(path, '<a/>', { 'content-type': 'application/xml' });
      expect(typed.status).toBe(415);
      expect(typed.text).toContain('application/xml');
    },
  );
});

/** JSON as Python's clients write it, in whose rows a null is `NaN`. */
function withNan(body: unknown): string {
  return JSON.stringify(body).replaceAll('null', 'NaN');
}

/** As many units, with commas between, as fit into the largest body. */
function filled(before: string, unit: string, after: string): string {
  const count = Math.floor((16 * 2 ** 20 - before.length - after.length) / (unit.length + 1));
  return before + Array.from({ length: count }, () => unit).join(',') + after;
}

describe('what is too much', () => {
  test.each([
    ['/v1/models/rows:predict', '{"instances":['],
    ['/invocations', '{"dataframe_records":['],
  ])('10^6 rows at %s are refused', async (path, before) => {
    const rows = Array.from({ length: 1_000_000 }, () => '{"hour":1}').join(',');
    const refusal = await ask(path, `${before}${rows}]}`);
    expect(refusal.status).toBe(413);
    expect(refusal.body).toMatchObject({ code: 'TOO_LARGE' });
  });

  test.each([
    ['/invocations', `hour\n${'6\n'.repeat(1_000_000)}`, csv],
    ['/invocations', filled('{"dataframe_split":{"columns":["hour"],"data":[', '[6]', ']}}'), {}],
    ['/invocations', filled('{"inputs":{"hour":[', '6', ']}}'), {}],
    ['/v1/models/rows:predict', filled('{"instances":[', '[[[[[[[[]]]]]]]]', ']}'), {}],
    ['/predict', filled('json_args=[', '{}', ']'), form],
  ])('%s refuses rows that would fill its memory (%#)', async (path, body, headers) => {
    expect((await ask(path, body, headers)).status).toBe(413);
  });

  test('100 MB are refused in the shape of each protocol, to clients that send all of it first', async () => {
    const body = Buffer.alloc(100_000_000, 0x20);
    for (const path of ['/v1/models/rows:predict', '/v2/models/rows/infer', '/invocations']) {
      const refusal = await ask(path, body);
      expect(refusal.status).toBe(413);
      expect(refusal.body).toMatchObject({ code: 'TOO_LARGE' });
      expect(refusal.body['message'] === undefined).toBe(path !== '/invocations');
    }
    expect((await ask('/predict', body, form)).text).toMatch(/^The body has 100,000,000 bytes/);
  });
});

async function half(): Promise<ReturnType<typeof connect>> {
  const { port } = new URL(gateway);
  const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  socket.write(
    `POST ${base}/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"data`,
  );
  return socket;
}

async function textOf(socket: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe('clients that do not end what they began', () => {
  test('a body that is cut off hears why, and one whose client is gone disturbs nobody', async () => {
    const gone = await half();
    gone.destroy();
    const cut = await half();
    cut.end();
    expect(await textOf(cut)).toMatch(/^HTTP\/1\.1 400 [^]*ends before it is complete/);
  });

  test('a slow client is cut, after the others were served', { timeout: 60_000 }, async () => {
    const refusal = await slow;
    expect(refusal).toMatch(/^HTTP\/1\.1 408 [^]*"code":"TIMED_OUT"/);
  });
});

describe('galley predict', () => {
  async function file(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(home, name);
    await writeFile(path, content);
    return path;
  }

  test('names row and column of a file that the service refuses', async () => {
    const table = await run(
      'predict',
      'rows',
      '--file',
      await file('rows.csv', lines([good, { ...good, hour: 'x' }])),
    );
    expect(table.exitCode).toBe(2);
    expect(table.stderr).toMatch(/PREDICTION_REFUSED[^]*Column hour of row 1 is 'x', not an integer/);
    const list = [good, short].map((row) => JSON.stringify(row)).join('\n');
    const jsonl = await run('predict', 'rows', '--file', await file('rows.jsonl', list));
    expect(jsonl.stderr).toMatch(/PREDICTION_REFUSED[^]*Row 1 has no column hour/);
    const tooMany = await run(
      'predict',
      'rows',
      '--file',
      await file('many.csv', `hour\n${'6\n'.repeat(1_000_000)}`),
    );
    expect(tooMany.stderr).toMatch(/PREDICTION_REFUSED[^]*rows[^]*several requests/);
    const large = await run(
      'predict',
      'rows',
      '--file',
      await file('large.csv', Buffer.alloc(100_000_000, 0x20)),
    );
    expect(large.stderr).toMatch(/PREDICTION_REFUSED[^]*100,000,000 bytes/);
  });

  test('names the line of a file that is no JSON, and repairs no bytes', async () => {
    const nan = await run(
      'predict',
      'rows',
      '--file',
      await file('nan.jsonl', '{"hour": 1}\n{"hour": NaN}\n'),
    );
    expect(nan.exitCode).toBe(2);
    expect(nan.stderr).toMatch(/USAGE[^]*Line 2 of .*nan\.jsonl is no JSON/);
    const bytes = Buffer.concat([
      Buffer.from('carrier,distance,hour,wind\nU'),
      Buffer.from([0xff]),
      Buffer.from(',1,1,1\n'),
    ]);
    const table = await run('predict', 'rows', '--file', await file('bytes.csv', bytes));
    expect(table.stderr).toMatch(/PREDICTION_REFUSED[^]*not UTF-8: byte 28, in line 2/);
    expect((await run('predict', 'rows', '--file', await file('bytes.json', bytes))).stderr).toContain(
      'not UTF-8',
    );
  });

  test('says that the predictor raised, and where its traceback is', async () => {
    const raised = await run('predict', 'rows', '--json', JSON.stringify({ ...good, carrier: 'XX' }));
    expect(raised.exitCode).toBe(2);
    expect(raised.stderr).toMatch(/PREDICTION_FAILED[^]*KeyError: 'XX'[^]*galley logs rows/);
    expect(raised.stderr).not.toContain('Traceback');
    expect((await run('logs', 'rows')).stdout).toMatch(/Traceback[^]*model\.ipynb[^]*KeyError: 'XX'/);
  });
});

test('all of it was answered by one process', async () => {
  expect(await pid()).toBe(firstPid);
});
