import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { appendLayers } from '@galley/image/assemble/append-layers';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import type { Layer } from '@galley/image/descriptor';
import type { Image } from '@galley/image/image';
import { buildLayer } from '@galley/image/layer/build-layer';
import { openLayoutStore } from '@galley/image/layout-store';
import type { ImageStore } from '@galley/image/store';
import { fileEntry } from '@galley/image/tar/entry';
import { createMemoryEngine } from '@galley/engine/memory/memory-engine';
import type { Engine } from '@galley/engine/engine';
import { beginEarlyCheck } from './early-check.ts';
import type { Rehearsal, RehearseOptions } from './rehearse.ts';

const golden = { requests: [{ rows: [{ x: 1 }], predictions: [0.5] }] };
const enough = 10e9;

let root: string;
let store: ImageStore;
let candidate: Image;
let likely: Layer;
let rehearsal: Rehearsal;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'early-'));
  store = await openLayoutStore(join(root, 'images'));
  candidate = await assembleImage(store, { layers: [await layerOf('code')], config: { Cmd: ['serve'] } });
  likely = await layerOf('bytecode');
  const blob = async (text: string) =>
    (await store.write(Buffer.from(text), { mediaType: 'application/json' })).digest;
  rehearsal = {
    layer: await layerOf('rehearsed'),
    reference: undefined,
    schema: await blob('{"schema": "s"}'),
    golden: await blob(JSON.stringify(golden)),
    modules: [],
    timing: {},
  };
});
afterEach(() => rmSync(root, { recursive: true }));

const layerOf = (name: string): Promise<Layer> =>
  buildLayer(store, [fileEntry(name, Buffer.from(name))], { createdBy: name });

/** A replica that takes its files, says what came in `taken`, and then answers `prediction`. */
async function engineOf(prediction: number, taken: string[]): Promise<Engine> {
  const { digest } = await appendLayers(store, candidate, [likely]);
  return createMemoryEngine({
    root: join(root, 'engine'),
    programs: {
      [digest]: async ({ sockets, signal }) => {
        const listen = (name: string, answer: RequestListener) =>
          createServer(answer).listen(join(sockets, name));
        const servers = [
          listen('admin.sock', (request, response) => void keep(request, taken).then(() => response.end())),
          listen('8080.sock', (request, response) => {
            if (request.url === '/healthz') response.writeHead(taken.length > 0 ? 200 : 503).end();
            else response.end(JSON.stringify({ predictions: [prediction] }));
          }),
        ];
        if (!signal.aborted) await once(signal, 'abort');
        for (const server of servers) server.close().closeAllConnections();
        return 0;
      },
    },
  });
}

async function keep(request: IncomingMessage, taken: string[]): Promise<void> {
  const body = Buffer.concat(await request.toArray()).toString('utf8');
  taken.push(`${request.method} ${request.url} ${body}`);
}

const optionsOf = (engine: Engine): RehearseOptions =>
  // Only what a check asks of them.
  ({
    context: { engine, store, signal: new AbortController().signal },
    application: 'iris',
    project: 'default',
    candidate,
    settings: { memoryBytes: 1e9, serviceMemoryBytes: 1e9, serviceCpus: 1, egressHosts: [] },
    secrets: { env: {}, files: {} },
  }) as unknown as RehearseOptions;

test('a replica with the likely bytecode gets the files of the rehearsal and answers as it did', async () => {
  const taken: string[] = [];
  const engine = await engineOf(0.5, taken);
  const early = beginEarlyCheck(optionsOf(engine), Promise.resolve(likely), enough);
  expect(await early.answers(likely, rehearsal, golden)).toEqual({ answers: 1, varying: 0 });
  await early.end();
  const files = { 'schema.json': '{"schema": "s"}', 'golden.json': JSON.stringify(golden) };
  expect(taken).toEqual([`POST /galley/v1/rehearsed ${JSON.stringify({ files })}`]);
  expect(await engine.list()).toEqual([]);
});

test.for([
  ['other bytecode', 0.5, enough, 'other'],
  ['another answer', 0.4, enough, 'bytecode'],
  ['no memory for it beside the rehearsal', 0.5, 1.5e9, 'bytecode'],
] as const)('with %s it proves nothing, and leaves nothing', async ([, prediction, available, bytecode]) => {
  const engine = await engineOf(prediction, []);
  const early = beginEarlyCheck(optionsOf(engine), Promise.resolve(likely), available);
  expect(await early.answers(await layerOf(bytecode), rehearsal, golden)).toBeUndefined();
  await early.end();
  expect(await engine.list()).toEqual([]);
});

test('an image that does not start leaves the check to the service image', async () => {
  const engine = createMemoryEngine({ root: join(root, 'engine'), programs: {} });
  const early = beginEarlyCheck(optionsOf(engine), Promise.resolve(likely), enough);
  expect(await early.answers(likely, rehearsal, golden)).toBeUndefined();
  await early.end();
  expect(await engine.list()).toEqual([]);
});

test('nothing likely, nothing begun', async () => {
  const engine = await engineOf(0.5, []);
  const early = beginEarlyCheck(optionsOf(engine), Promise.resolve(undefined), enough);
  expect(await early.answers(likely, rehearsal, golden)).toBeUndefined();
  expect(await engine.list()).toEqual([]);
});
