import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Digest } from '@galley/api/digest';
import {
  openRuncUnderTest,
  runcUnavailable,
  type RuncUnderTest,
} from '@galley/engine/contract/runc-under-test';
import { testPython } from '@galley/engine/contract/test-image';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import { readImage } from '@galley/image/assemble/read-image';
import type { Layer } from '@galley/image/descriptor';
import { visibleEntries } from '@galley/image/facts/visible-entries';
import type { Image } from '@galley/image/image';
import { buildLayer } from '@galley/image/layer/build-layer';
import { directoryEntry, fileEntry } from '@galley/image/tar/entry';
import { validateImage } from '@galley/image/validate/validate-image';
import { changeLayers, isPackage, type ChangeLayer } from './change-layers.ts';
import {
  defaultStepLimits,
  runBuildStep,
  type BuildStep,
  type StepOptions,
  type StepResult,
} from './build-step.ts';
import { inputLayer } from './input-layer.ts';

const unavailable = runcUnavailable();

describe.skipIf(unavailable !== undefined)(
  `a step that makes layers (${unavailable ?? 'runc'})`,
  { timeout: 60_000 },
  () => {
    let under: RuncUnderTest;
    let workDir: string;
    let image: Image;
    let options: StepOptions;

    beforeAll(async () => {
      under = await openRuncUnderTest();
      workDir = mkdtempSync(join(tmpdir(), 'galley-step-'));
      const base = await readImage(under.store, under.image);
      const layer = await buildLayer(
        under.store,
        [
          fileEntry('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\napp:x:1001:0::/srv/app:/bin/sh\n'),
          { ...directoryEntry('srv/app', 0o2775), uid: 1001 },
          { ...fileEntry('srv/app/of-the-image.txt', 'x'), uid: 1001 },
          { ...directoryEntry('srv/app/old'), uid: 1001 },
          { ...fileEntry('srv/app/old/x', 'x'), uid: 1001 },
        ],
        { createdBy: 'test' },
      );
      image = await assembleImage(under.store, {
        base,
        layers: [layer],
        config: { User: 'app', WorkingDir: '/srv/app' },
      });
      options = {
        context: {
          store: under.store,
          engine: under.engine,
          cacheDir: join(workDir, 'cache'),
          privateHosts: () => Promise.resolve([]),
          emit: () => undefined,
          signal: new AbortController().signal,
          now: Date.now,
        },
        project: 'tests',
        application: 'step',
        workDir,
      };
    });
    afterAll(async () => {
      await under?.dispose();
      if (workDir !== undefined) rmSync(workDir, { recursive: true, force: true });
    });

    const step = (source: string, more: Partial<BuildStep> = {}): BuildStep => ({
      name: 'script',
      image,
      inputs: [],
      command: [testPython, '-I', '-B', '-c', source],
      user: '',
      env: {},
      secrets: {},
      egress: { index: false, hosts: [] },
      limits: { ...defaultStepLimits, memoryBytes: 256 << 20, diskBytes: 64 << 20, timeoutMs: 30_000 },
      omit: [],
      keepCaches: false,
      ...more,
    });
    const run = (source: string, more: Partial<BuildStep> = {}): Promise<StepResult> =>
      runBuildStep(step(source, more), options);
    const layersOf = ({ changes }: StepResult): Promise<readonly ChangeLayer[]> =>
      changeLayers(
        changes,
        [
          { role: 'dependencies', holds: isPackage },
          { role: 'code', holds: () => true },
        ],
        { context: options.context, createdBy: 'galley script' },
      );
    const pathsOf = async (layer: Layer): Promise<readonly string[]> => {
      const paths: string[] = [];
      for await (const { path } of visibleEntries(under.store, [layer], () => true)) paths.push(path);
      return paths;
    };
    const digestsOf = (layers: readonly ChangeLayer[]): readonly Digest[] =>
      layers.map(({ layer }) => layer.descriptor.digest);

    const install = (version: string): string => `
import os, pathlib
site = pathlib.Path("lib/site-packages/pkg"); site.mkdir(parents=True)
(site / "a.py").write_text("a = 1\\n")
pathlib.Path("app.py").write_text("version = ${version}\\n")
os.unlink("old/x"); os.rmdir("old")
pathlib.Path(".cache/pip").mkdir(parents=True); pathlib.Path(".cache/pip/x").write_bytes(b"x" * 3_000_000)
pathlib.Path("/tmp/x").write_text("x")
os.mkdir("empty")
`;

    test('what it changed becomes layers by how often it changes, the same ones each time', async () => {
      const first = await run(install('1'));
      expect(first.changes.warnings).toEqual(['3 MB of download caches were left out']);
      const layers = await layersOf(first);
      expect(layers.map(({ role }) => role)).toEqual(['dependencies', 'code']);
      expect(await Promise.all(layers.map(({ layer }) => pathsOf(layer)))).toEqual([
        [
          'srv',
          'srv/app',
          'srv/app/lib',
          'srv/app/lib/site-packages',
          'srv/app/lib/site-packages/pkg',
          'srv/app/lib/site-packages/pkg/a.py',
        ],
        ['srv', 'srv/app', 'srv/app/.cache', 'srv/app/app.py', 'srv/app/empty'],
      ]);
      const again = await layersOf(await run(install('1')));
      expect(digestsOf(again)).toEqual(digestsOf(layers));
      const edited = await layersOf(await run(install('2')));
      expect(edited[0]?.layer).toEqual(layers[0]?.layer);
      expect(edited[1]?.layer).not.toEqual(layers[1]?.layer);
      const made = await assembleImage(under.store, {
        base: image,
        layers: layers.map(({ layer }) => layer),
        config: {},
      });
      expect(await validateImage(under.store, made.digest)).toMatchObject({ valid: true });
      // The next step sees the result, removals included, and owners and modes as they were.
      const seen = await run(
        'import os; print(sorted(os.listdir("."))); open("/galley/out/mode", "w").write(str([oct(os.stat(".").st_mode), os.stat(".").st_uid]))',
        { image: made },
      );
      expect(await seen.output.text('mode')).toBe("['0o40775', 1001]");
      expect(seen.changes.entries).toEqual([]);
      const lines: string[] = [];
      await runBuildStep(step('import os; print(sorted(os.listdir(".")))', { image: made }), {
        ...options,
        onLine: (line) => void lines.push(line),
      });
      expect(lines).toEqual(["['.cache', 'app.py', 'empty', 'lib', 'of-the-image.txt']"]);
    });

    test('inputs are there for the step and no part of the change, whoever owns the folders above them', async () => {
      const own = { uid: 1001, gid: 0 };
      const inputs = [
        await inputLayer(
          image,
          [
            { ...directoryEntry('srv/app/src'), ...own },
            { ...fileEntry('srv/app/src/a.txt', 'a'), ...own },
            { ...directoryEntry('tmp/src'), ...own },
            { ...fileEntry('tmp/src/b.txt', 'b', 0o755), ...own },
          ],
          options.context,
        ),
      ];
      const source = `
import os, shutil
shutil.move("/tmp/src/b.txt", "b.txt")
open("made", "w").write(open("src/a.txt").read())
`;
      const { changes } = await run(source, { inputs, omit: ['srv/app/src'] });
      expect(changes.entries.map(({ path, mode, uid }) => [path, mode.toString(8), uid])).toEqual([
        ['srv', '755', 0],
        ['srv/app', '775', 1001],
        ['srv/app/b.txt', '755', 1001],
        ['srv/app/made', '644', 1001],
      ]);
      expect(changes.whiteouts).toEqual([]);
      await expect(inputLayer(image, [fileEntry('var/run/x/y', 'x')], options.context)).rejects.toMatchObject(
        { code: 'IMAGE_INVALID' },
      );
    });

    test('a secret is there for the step, and a step that keeps it fails', async () => {
      const secrets = { '/srv/app/etc/token': 'value-of-the-token' };
      const lines: string[] = [];
      const source =
        'text = open("etc/token").read(); print("got", text); open("length", "w").write(str(len(text)))';
      const { changes } = await runBuildStep(step(source, { secrets }), {
        ...options,
        onLine: (line) => void lines.push(line),
      });
      expect(lines).toEqual(['got [secret]']);
      expect(changes.entries.map(({ path }) => path)).toEqual(['srv', 'srv/app', 'srv/app/length']);
      const leak =
        'import base64; open("copy", "wb").write(b"x" * 100_000 + base64.b64encode(open("etc/token", "rb").read()))';
      await expect(run(leak, { secrets })).rejects.toMatchObject({
        code: 'SECRET_IN_LAYER',
        details: { path: 'srv/app/copy', secret: '/srv/app/etc/token' },
      });
      // What is collected ends in labels, which everybody can read who can pull.
      const collected = 'open("/tmp/labels.json", "w").write(open("etc/token").read())';
      await expect(run(collected, { secrets, collect: ['tmp/labels.json'] })).rejects.toMatchObject({
        code: 'SECRET_IN_LAYER',
        details: { path: 'tmp/labels.json' },
      });
    });

    test('set-id bits are dropped and told, useless bytecode is left out, useful bytecode stays', async () => {
      const source = `
import os, pathlib, py_compile
path = pathlib.Path("m.py"); path.write_text("x = 1\\n"); path.chmod(0o6755)
mode = py_compile.PycInvalidationMode
py_compile.compile("m.py", cfile="__pycache__/m.stale-1.pyc", invalidation_mode=mode.TIMESTAMP)
py_compile.compile("m.py", cfile="__pycache__/m.good-1.pyc")
py_compile.compile("m.py", cfile="__pycache__/below.stale-1.pyc", invalidation_mode=mode.TIMESTAMP)
`;
      const { changes } = await run(source);
      expect(changes.warnings).toEqual(['set-id bits were dropped: srv/app/m.py']);
      expect(
        changes.entries.filter(({ type }) => type === 'file').map(({ path, mode }) => [path, mode]),
      ).toEqual([
        ['srv/app/__pycache__/below.stale-1.pyc', 0o644],
        ['srv/app/__pycache__/m.good-1.pyc', 0o644],
        ['srv/app/m.py', 0o755],
      ]);
    });

    test.each([
      [
        'its exit code and its last words',
        'import sys; print("no such thing", file=sys.stderr); sys.exit(3)',
        /^script failed with exit code 3: no such thing\.$/,
      ],
      ['its memory', 'x = bytearray(1 << 30); print(len(x))', /more memory than its limit of 2\d\d/],
      ['its disk', 'open("big", "wb").write(bytes(100 << 20))', /wrote more than its limit of 6\d/],
      [
        'a host that is not allowed',
        'import urllib.request; urllib.request.urlopen("http://example.org/")',
        /wanted to reach example\.org:80/,
      ],
    ])('a step that fails is no image and says why: %s', async (_, source, message) => {
      const egress = { index: false, hosts: ['allowed.example:443'] };
      await expect(run(source, { egress })).rejects.toMatchObject({
        code: 'BUILD_STEP_FAILED',
        message: expect.stringMatching(message),
      });
      expect(await under.engine.list()).toEqual([]);
    });

    test('a command that the image lacks, a time limit and hostile names are told', async () => {
      await expect(run('', { command: ['/nowhere/assemble'] })).rejects.toMatchObject({
        code: 'BUILD_STEP_FAILED',
        message: expect.stringContaining('/nowhere/assemble'),
      });
      const limits = { ...step('').limits, timeoutMs: 1500 };
      await expect(run('import time; time.sleep(60)', { limits })).rejects.toThrow(/ran longer than 1\.5 s/);
      await expect(run('open(".wh.x", "w").close()')).rejects.toMatchObject({ code: 'OUTPUT_REFUSED' });
    });
  },
);
