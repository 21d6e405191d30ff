import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Digest } from '@galley/api/digest';
import { runcUnavailable } from '@galley/engine/contract/runc-under-test';
import { testPython } from '@galley/engine/contract/test-image';
import { readImage } from '@galley/image/assemble/read-image';
import type { Image } from '@galley/image/image';
import { directoryEntry, fileEntry } from '@galley/image/tar/entry';
import { validateImage } from '@galley/image/validate/validate-image';
import { ImageOwners } from '../build-step/image-owners.ts';
import { buildS2i } from './build-s2i.ts';
import type { S2iRequest, S2iResult } from './s2i.ts';
import { openBuilderUnderTest, type BuilderUnderTest } from './under-test/builder.ts';
import { runUsage } from './usage.ts';

const unavailable = runcUnavailable();
const python = `#!${testPython} -IB\n`;
/** A tar that no folder can be: a file that lies in a file. */
const oddTar = `import io, sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
    for name in ("a", "a/b"): tar.addfile(tarfile.TarInfo(name), io.BytesIO())`;

describe.skipIf(unavailable !== undefined)(
  `source-to-image (${unavailable ?? 'runc'})`,
  { timeout: 60_000 },
  () => {
    let fixture: BuilderUnderTest;
    beforeAll(async () => {
      fixture = await openBuilderUnderTest();
    });
    afterAll(async () => fixture?.dispose());

    const build = async (
      more: Partial<S2iRequest> = {},
    ): Promise<{ result: S2iResult; image: Image; lines: readonly string[] }> => {
      const lines: string[] = [];
      const result = await buildS2i(fixture.request(more), {
        context: fixture.context,
        onLine: (line) => void lines.push(line),
      });
      return { result, image: await readImage(fixture.under.store, result.image), lines };
    };
    /** What the image prints when an engine runs it as every image: read-only, under its project's user. */
    const run = async (image: Digest): Promise<string> => {
      const { engine } = fixture.under;
      await engine.ensure({ ...fixture.under.workload('run', ''), image, command: [] });
      for await (const { id, phase } of engine.watch(AbortSignal.timeout(30_000)))
        if (id === 'run' && ['succeeded', 'failed'].includes(phase)) break;
      let text = '';
      for await (const line of engine.logs('run')) text += `${line.text}\n`;
      await engine.remove('run', 0);
      return text;
    };

    test('a source and a builder become an image that runs, with what the protocol promises', async () => {
      const { result, image, lines } = await build({
        displayName: 'The app',
        ref: 'main',
      });
      expect(lines.slice(0, 3)).toEqual(['APP_NAME from the source', 'FROM_FLAG a flag', 'source .s2i']);
      expect(image.config.config).toMatchObject({
        Cmd: ['/usr/libexec/s2i/run'],
        User: '1001',
        WorkingDir: '/opt/app-root/src',
      });
      const builderEnv = fixture.builder.config.config.Env ?? [];
      expect(image.config.config.Env).toEqual([
        ...builderEnv.map((line) => line.replace('from the builder', 'from the source')),
        'FROM_FLAG=a flag',
      ]);
      expect(image.config.config.Entrypoint).toEqual(fixture.builder.config.config.Entrypoint);
      expect(result.labels).toMatchObject({
        'io.openshift.s2i.scripts-url': 'image:///usr/libexec/s2i',
        'of.the': 'builder',
        'from.assemble': 'yes',
        'io.k8s.display-name': 'The app',
        'io.openshift.s2i.build.image': 'test/builder',
        'io.openshift.s2i.build.commit.ref': 'main',
        'dev.galley.reproducible': 'false',
      });
      expect(result.warnings).toEqual(['.s2i/environment, line 4 is no NAME=VALUE and was left out']);
      expect(await validateImage(fixture.under.store, result.image)).toMatchObject({ valid: true });
      expect(await run(result.image)).toBe('running version one from the source\n');
      expect(await fixture.under.store.resolve('team/app:v1')).toBe(result.image);
      expect(await fixture.files(image, 'tmp/')).toEqual({});
      expect(await fixture.under.engine.list()).toEqual([]);
    });

    test('an edited source changes the layer of the source and no other', async () => {
      const first = await build();
      expect(first.result.layers.map(({ role }) => role)).toEqual(['dependencies', 'built', 'code']);
      fixture.write('app.txt', 'version two\n');
      const second = await build({ previous: first.image });
      fixture.write('app.txt', 'version one\n');
      expect(second.result.layers.map(({ role, cached }) => [role, cached])).toEqual([
        ['dependencies', true],
        ['built', true],
        ['code', false],
      ]);
    });

    test('scripts are found in their order, and what the source brings is run where the image keeps it', async () => {
      fixture.write('.s2i/bin/run', `#!${testPython} -IB\r\nprint("the run of the source")\r\n`);
      fixture.write('.s2i/bin/assemble', `${python}print("the assemble of the source")\n`);
      try {
        const own = await build();
        expect(own.lines).toEqual(['the assemble of the source']);
        expect(own.image.config.config.Cmd).toEqual(['/opt/s2i/scripts/run']);
        expect(await run(own.result.image)).toBe('the run of the source\n');
        const scripts = mkdtempSync(join(fixture.source, '../scripts-'));
        const flag = await build({ scriptsUrl: 'image:///usr/libexec/s2i' });
        expect(flag.lines).toContain('source app.txt');
        // Scripts of the protocol are no part of the source any more, whoever was heard.
        expect(flag.lines).not.toContain('source .s2i/bin/run');
        await expect(build({ scriptsUrl: `file://${scripts}` })).rejects.toMatchObject({
          code: 'BUILDER_INVALID',
        });
        rmSync(scripts, { recursive: true });
      } finally {
        rmSync(join(fixture.source, '.s2i/bin'), { recursive: true });
      }
    });

    test('.s2iignore and --exclude keep files back', async () => {
      fixture.write('.s2iignore', '# not for the image\n*.log\ndocs\n!docs/guide.md\nsecret/*\n');
      for (const path of ['a.log', 'deep/b.log', 'docs/other.md', 'secret/key', 'big.bin'])
        fixture.write(path, 'x');
      try {
        const { lines } = await build({ exclude: /\.bin$/ });
        const files = lines.filter((line) => line.startsWith('source ')).map((line) => line.slice(7));
        expect(files).toEqual([
          '.s2i',
          '.s2i/environment',
          '.s2iignore',
          'app.txt',
          'deep',
          'deep/b.log',
          'docs',
          'docs/guide.md',
        ]);
      } finally {
        for (const path of ['.s2iignore', 'a.log', 'deep', 'docs/other.md', 'secret', 'big.bin'])
          rmSync(join(fixture.source, path), { recursive: true });
      }
    });

    test('what is injected is seen by assemble and is in no layer; a script that copies it fails the build', async () => {
      const injections = [
        { path: '/opt/app-root/src/.pip/pip.conf', content: Buffer.from('password = hunter2-hunter2') },
      ];
      const look = `${python}import os\nprint(os.stat("/opt/app-root/src/.pip/pip.conf").st_size, open("/opt/app-root/src/.pip/pip.conf").read())\n`;
      fixture.write('.s2i/bin/assemble', look);
      try {
        const { image, lines } = await build({ injections });
        expect(lines).toEqual(['26 [secret]']);
        expect(await fixture.files(image, 'opt/app-root/src/')).toEqual({});
        fixture.write(
          '.s2i/bin/assemble',
          `${python}import shutil\nshutil.copy("/opt/app-root/src/.pip/pip.conf", "/opt/app-root/src/copy")\n`,
        );
        await expect(build({ injections })).rejects.toMatchObject({
          code: 'SECRET_IN_LAYER',
          details: { path: 'opt/app-root/src/copy' },
        });
      } finally {
        rmSync(join(fixture.source, '.s2i/bin'), { recursive: true });
      }
    });

    test('an incremental build gets what the image before saves, and is a clean one where it saves nothing', async () => {
      const generated = async (image: Image): Promise<string | undefined> =>
        (await fixture.files(image, 'opt/app-root/src/generated.txt'))['opt/app-root/src/generated.txt'];
      const first = await build({ incremental: true });
      expect(await generated(first.image)).toBe('built by 1001:0, saved []\n');
      expect(first.result.phases.find(({ phase }) => phase === 'artifacts')?.reason).toContain(
        'no team/app:v1 yet',
      );
      const second = await build({ incremental: true, previous: first.image });
      expect(await generated(second.image)).toBe("built by 1001:0, saved ['generated.txt', 'lib']\n");
      for (const script of ['print("this is no tar")', oddTar]) {
        fixture.write('.s2i/bin/save-artifacts', `${python}${script}\n`);
        try {
          const third = await build({ incremental: true, previous: second.image });
          expect(await generated(third.image)).toBe('built by 1001:0, saved []\n');
          expect(third.result.warnings.join()).toContain('nothing was saved from the image before');
        } finally {
          rmSync(join(fixture.source, '.s2i/bin'), { recursive: true });
        }
      }
    });

    test('a runtime image gets the artifacts and nothing else of the builder', async () => {
      const runtimeImage = await fixture.image(
        [
          { ...directoryEntry('srv', 0o775), uid: 1002 },
          { ...directoryEntry('srv/app', 0o770), uid: 1003 },
          fileEntry(
            'opt/scripts/run',
            `${python}print("serving", open("/srv/app/app.txt").read().strip())\n`,
            0o755,
          ),
          fileEntry(
            'opt/scripts/assemble-runtime',
            `${python}import os\nos.rename("/srv/generated.txt", "/srv/final.txt"); print("as", os.getuid())\n`,
            0o755,
          ),
        ],
        {
          User: '1002',
          WorkingDir: '/srv',
          Env: ['PATH=/usr/local/bin'],
          Cmd: ['nothing'],
          Labels: { 'io.openshift.s2i.scripts-url': 'image:///opt/scripts', 'of.the': 'runtime' },
        },
      );
      const runtime = {
        name: 'test/runtime',
        image: runtimeImage,
        artifacts: [
          { source: '/opt/app-root/src/app.txt', target: 'app' },
          { source: '/opt/app-root/src/generated.txt', target: '' },
          { source: '/opt/app-root/src/lib', target: 'deep/er' },
        ],
      };
      const { image, result, lines } = await build({ runtime });
      expect(lines.at(-1)).toBe('as 1002');
      expect(Object.keys(await fixture.files(image, 'srv'))).toEqual([
        'srv',
        'srv/app',
        'srv/app/app.txt',
        'srv/deep',
        'srv/deep/er',
        'srv/deep/er/lib',
        'srv/deep/er/lib/site-packages',
        'srv/deep/er/lib/site-packages/pkg',
        'srv/deep/er/lib/site-packages/pkg/__init__.py',
        'srv/final.txt',
      ]);
      expect(await fixture.files(image, 'opt/app-root')).toEqual({});
      // Folders that the image has keep what they are; those that are made belong to who runs assemble-runtime.
      const owners = await ImageOwners.open(image, fixture.context);
      expect(owners.withParents([fileEntry('srv/app/x', ''), fileEntry('srv/deep/er/x', '')])).toMatchObject([
        { path: 'srv', mode: 0o775, uid: 1002 },
        { path: 'srv/app', mode: 0o770, uid: 1003 },
        { path: 'srv/deep', mode: 0o755, uid: 1002 },
        { path: 'srv/deep/er', mode: 0o755, uid: 1002 },
        { path: 'srv/app/x' },
        { path: 'srv/deep/er/x' },
      ]);
      expect(image.config.config).toMatchObject({
        Cmd: ['/opt/scripts/run'],
        User: '1002',
        WorkingDir: '/srv',
      });
      expect(result.labels).toMatchObject({ 'of.the': 'runtime', 'from.assemble': 'yes' });
      expect(await run(result.image)).toBe('serving version one\n');
      const absent = { ...runtime, artifacts: [{ source: '/opt/absent', target: '' }] };
      await expect(build({ runtime: absent })).rejects.toThrow(/has no \/opt\/absent/);
    });

    test('a destination outside of /tmp stays part of the image, without what was moved away', async () => {
      fixture.write('moved.txt', 'x');
      fixture.write(
        '.s2i/bin/assemble',
        `${python}import os\nos.replace("/opt/app-root/src/up/src/moved.txt", "/opt/app-root/src/moved.txt")\n`,
      );
      fixture.write(
        '.s2i/bin/run',
        `${python}print(open("/opt/app-root/src/up/src/app.txt").read().strip())\n`,
      );
      try {
        const { image, result } = await build({ destination: '/opt/app-root/src/up' });
        expect(Object.keys(await fixture.files(image, 'opt/app-root/src/'))).toEqual([
          'opt/app-root/src/moved.txt',
          'opt/app-root/src/up',
          'opt/app-root/src/up/scripts',
          'opt/app-root/src/up/scripts/assemble',
          'opt/app-root/src/up/scripts/run',
          'opt/app-root/src/up/src',
          'opt/app-root/src/up/src/.s2i',
          'opt/app-root/src/up/src/.s2i/environment',
          'opt/app-root/src/up/src/app.txt',
          'opt/app-root/src/up/src/docs',
          'opt/app-root/src/up/src/docs/guide.md',
        ]);
        expect(await run(result.image)).toBe('version one\n');
      } finally {
        rmSync(join(fixture.source, '.s2i/bin'), { recursive: true });
        rmSync(join(fixture.source, 'moved.txt'));
      }
    });

    test('sources that stay leave the folders of the image above them as they were', async () => {
      fixture.write('.s2i/bin/assemble', `${python}print("nothing to do")\n`);
      try {
        const { image } = await build({ destination: '/opt/app-root/src' });
        const owners = await ImageOwners.open(image, fixture.context);
        expect(owners.withParents([fileEntry('opt/app-root/src/src/app.txt', '')])).toMatchObject([
          { path: 'opt' },
          { path: 'opt/app-root' },
          { path: 'opt/app-root/src', mode: 0o775, uid: 1001 },
          { path: 'opt/app-root/src/src', mode: 0o755, uid: 1001 },
          { path: 'opt/app-root/src/src/app.txt' },
        ]);
      } finally {
        rmSync(join(fixture.source, '.s2i/bin'), { recursive: true });
      }
    });

    test('a script that fails is no image, and the tag stays where it was', async () => {
      const before = (await build()).result.image;
      fixture.write(
        '.s2i/bin/assemble',
        `${python}import sys\nprint("half done"); sys.exit("the compiler is missing")\n`,
      );
      try {
        await expect(build()).rejects.toMatchObject({
          code: 'BUILD_STEP_FAILED',
          message: expect.stringContaining('the compiler is missing'),
        });
        expect(await fixture.under.store.resolve('team/app:v1')).toBe(before);
      } finally {
        rmSync(join(fixture.source, '.s2i/bin'), { recursive: true });
      }
    });

    test('what is no builder is told, and a label cannot make this machine read or fetch anything', async () => {
      const plain = await fixture.image([fileEntry('x', 'x')], {});
      await expect(build({ builder: { name: 'plain', image: plain } })).rejects.toMatchObject({
        code: 'BUILDER_INVALID',
        message: expect.stringContaining('plain is no builder image'),
      });
      for (const url of ['file:///etc', 'http://127.0.0.1:1/scripts']) {
        const image = await fixture.image([], { Labels: { 'io.openshift.s2i.scripts-url': url } });
        await expect(build({ builder: { name: 'hostile', image } })).rejects.toMatchObject({
          code: 'BUILDER_INVALID',
        });
      }
    });

    test('only allowed users may run scripts', async () => {
      await expect(build({ allowedUids: [[2000, 3000]] })).rejects.toThrow(/1001.*--allowed-uids/);
      await expect(build({ allowedUids: [[1, 1001]], assembleUser: 'default' })).rejects.toThrow(/default/);
      const { lines } = await build({ allowedUids: [[0, 2000]], assembleUser: '0' });
      expect(lines).toContain('source app.txt');
    });

    test('usage tells about the builder', async () => {
      const lines: string[] = [];
      const { limits, builder } = fixture.request();
      const step = {
        context: fixture.context,
        project: 'tests',
        application: 'usage',
        workDir: join(fixture.source, '..'),
      };
      await runUsage(
        { builder, env: [], scriptsUrl: undefined, cwd: '/', limits },
        { ...step, onLine: (line) => void lines.push(line) },
      );
      expect(lines).toEqual(['This builder copies a source.']);
    });
  },
);
