import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Agent } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildBase } from '@galley/build/base/build-base';
import { planBase } from '@galley/build/base/plan-base';
import type { BuildContext } from '@galley/build/build';
import { buildS2i } from '@galley/build/s2i/build-s2i';
import { openNamedImage } from '@galley/build/s2i/builder-image';
import type { S2iRequest, S2iResult } from '@galley/build/s2i/s2i';
import { plainRequest } from '@galley/build/s2i/under-test/request';
import { runcUnavailable } from '@galley/engine/contract/runc-under-test';
import { createRuncEngine } from '@galley/engine/runc/create-runc-engine';
import type { Engine } from '@galley/engine/engine';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import { readImage } from '@galley/image/assemble/read-image';
import { exportImage } from '@galley/image/export/export-image';
import { buildLayer } from '@galley/image/layer/build-layer';
import { openLayoutStore } from '@galley/image/layout-store';
import type { ImageStore } from '@galley/image/store';
import { directoryEntry, fileEntry } from '@galley/image/tar/entry';

/** A builder as sclorg's: group 0 owns what is written, packages come from the index, the source is moved. */
const assemble = `#!/bin/sh
set -e
echo "---> Installing"
mv /tmp/src/* ./
python3 - <<'PYTHON'
import json, re, urllib.request
index = "http://127.0.0.1:3141/simple/pip/"
page = urllib.request.urlopen(urllib.request.Request(index, headers={"Accept": "text/html"})).read().decode()
links = re.findall(r'href="([^"#]+/(pip-24[^"#/]+-none-any[.]whl))', page)
url = urllib.parse.urljoin(index, links[-1][0])
open("/tmp/pip.whl", "wb").write(urllib.request.urlopen(url).read())
PYTHON
# Not --target, which compiles in a folder with a random name and leaves that name in the bytecode.
python3 /tmp/pip.whl/pip install --prefix /opt/app-root/env -r requirements.txt
chmod -R g+rwX /opt/app-root/src /opt/app-root/env
rm -rf /tmp/pip.whl
`;

const run = `#!/bin/sh
export PYTHONPATH=$(echo /opt/app-root/env/local/lib/python3.*/dist-packages)
exec python3 /opt/app-root/src/app.py
`;

const app = (greeting: string): string => `
import http.server, six
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("${greeting} with six " + six.__version__).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
http.server.HTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
`;

const unavailable = runcUnavailable();
let folder: string;
let store: ImageStore;
let engine: Engine;
let context: BuildContext;

beforeAll(async () => {
  if (unavailable !== undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'galley-s2i-e2e-'));
  store = await openLayoutStore(join(folder, 'images'));
  engine = await createRuncEngine({ root: join(folder, 'engine'), store });
  const { signal } = new AbortController();
  const privateHosts = (): Promise<readonly string[]> => Promise.resolve([]);
  const cacheDir = join(folder, 'cache');
  context = { store, engine, cacheDir, privateHosts, emit: () => undefined, signal, now: Date.now };
  await exportBuilder();
}, 300_000);

afterAll(async () => {
  for (const { id } of (await engine?.list()) ?? []) await engine.remove(id, 0);
  await engine?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** The builder comes from outside, as they do: an OCI layout on the disk. */
async function exportBuilder(): Promise<void> {
  const base = await buildBase(await planBase('3.11'), { ...context, object: 'test' });
  const scripts = await buildLayer(
    store,
    [
      fileEntry('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\ndefault:x:1001:0::/opt/app-root/src:/bin/sh\n'),
      { ...directoryEntry('opt/app-root', 0o775), uid: 1001 },
      { ...directoryEntry('opt/app-root/src', 0o775), uid: 1001 },
      fileEntry('usr/libexec/s2i/assemble', assemble, 0o755),
      fileEntry('usr/libexec/s2i/run', run, 0o755),
    ],
    { createdBy: 'builder' },
  );
  const builder = await assembleImage(store, {
    layers: [base.layer, scripts],
    config: {
      User: '1001',
      WorkingDir: '/opt/app-root/src',
      Env: ['PATH=/usr/bin:/bin', 'HOME=/opt/app-root/src'],
      ExposedPorts: { '8080/tcp': {} },
      Labels: { 'io.openshift.s2i.scripts-url': 'image:///usr/libexec/s2i' },
    },
  });
  await exportImage(store, builder, { format: 'oci', path: join(folder, 'builder'), name: 'python:3.11' });
}

function source(files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, 'source', path)), { recursive: true });
    writeFileSync(join(folder, 'source', path), content);
  }
}

async function build(more: Partial<S2iRequest> = {}): Promise<S2iResult> {
  const builder = await openNamedImage('oci:builder:python:3.11', {
    store,
    cwd: folder,
    workDir: join(folder, 'work'),
    registry: { http: new Agent(), credentials: async () => undefined },
    pull: 'never',
    emit: context.emit,
    object: 'image/builder',
    signal: context.signal,
  });
  const allowedUids: S2iRequest['allowedUids'] = [[1, 65_535]];
  const request = { ...plainRequest(join(folder, 'source'), builder, folder), allowedUids, ...more };
  return buildS2i(request, { context });
}

/** Runs the image as every image is run here and asks it over HTTP, from beside it: in a network there is loopback only. */
async function ask(result: S2iResult): Promise<string> {
  const limits = { memoryBytes: 256 << 20, cpus: 1, pids: 64, openFiles: 256, diskBytes: 16 << 20 };
  const common = {
    project: 'tests',
    image: result.image,
    env: {},
    rootfs: 'readonly',
    limits,
    files: {},
    secrets: {},
    tmpfs: [],
    networkGroup: 'asked',
    ports: [],
    egress: { index: false, hosts: [] },
    labels: {},
  } as const;
  const client = `
import time, urllib.request
for _ in range(200):
    try: print(urllib.request.urlopen("http://127.0.0.1:8080/").read().decode()); break
    except OSError: time.sleep(0.05)
`;
  await engine.ensure({ ...common, id: 'server', command: [] });
  await engine.ensure({ ...common, id: 'client', command: ['python3', '-c', client] });
  for await (const { id, phase } of engine.watch(AbortSignal.timeout(60_000)))
    if (id === 'client' && ['succeeded', 'failed'].includes(phase)) break;
  let text = '';
  for await (const line of engine.logs('client')) text += line.text;
  for (const id of ['client', 'server']) await engine.remove(id, 0);
  return text;
}

test.skipIf(unavailable !== undefined)(
  `a builder on Debian installs a package, the result answers HTTP, and an edit moves one layer (${unavailable ?? 'runc'})`,
  { timeout: 300_000 },
  async () => {
    source({ 'app.py': app('hello'), 'requirements.txt': 'six==1.17.0\n' });
    const first = await build();
    expect(await ask(first)).toBe('hello with six 1.17.0');
    expect(first.layers.map(({ role }) => role)).toEqual(['dependencies', 'code']);
    source({ 'app.py': app('hello again') });
    const second = await build({ previous: await readImage(store, first.image) });
    expect(await ask(second)).toBe('hello again with six 1.17.0');
    expect(second.layers.map(({ role, cached }) => [role, cached])).toEqual([
      ['dependencies', true],
      ['code', false],
    ]);
    // Others read the result: skopeo checks every digest while it copies.
    const copied = execFileSync('skopeo', ['--insecure-policy', 'inspect', `oci:${store.root}:team/app:v1`], {
      encoding: 'utf8',
    });
    expect(JSON.parse(copied)).toMatchObject({
      Digest: second.image,
      Labels: { 'io.openshift.s2i.build.image': 'oci:builder:python:3.11' },
    });
  },
);
