import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openRuncUnderTest, type RuncUnderTest } from '@galley/engine/contract/runc-under-test';
import { testPython } from '@galley/engine/contract/test-image';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import { readImage } from '@galley/image/assemble/read-image';
import { readEntry } from '@galley/image/tar/read-entry';
import { visibleEntries } from '@galley/image/facts/visible-entries';
import type { Image, RuntimeConfig } from '@galley/image/image';
import { buildLayer } from '@galley/image/layer/build-layer';
import { directoryEntry, fileEntry, type TarEntry } from '@galley/image/tar/entry';
import type { BuildContext } from '../../build.ts';
import type { S2iRequest } from '../s2i.ts';
import { plainRequest } from './request.ts';

/** The first line of every script here. */
const hashbang = `#!${testPython} -IB\n`;

/** Copies the source to the working directory, "installs" a package, tells what it sees. */
const assemble = `${hashbang}
import os, pathlib, shutil, sys
for name in ("APP_NAME", "FROM_FLAG"): print(name, os.environ.get(name))
home = pathlib.Path("/opt/app-root/src")
source = pathlib.Path("/tmp/src")
for path in sorted(source.rglob("*")):
    print("source", path.relative_to(source))
shutil.copytree(source, home, dirs_exist_ok=True, symlinks=True)
site = home / "lib/site-packages/pkg"
site.mkdir(parents=True, exist_ok=True)
(site / "__init__.py").write_text("x = 1\\n" * 1000)
artifacts = pathlib.Path("/tmp/artifacts")
(home / "generated.txt").write_text(f"built by {os.getuid()}:{os.getgid()}, saved {sorted(p.name for p in artifacts.glob('*'))}\\n")
metadata = pathlib.Path("/tmp/.s2i/image_metadata.json")
metadata.parent.mkdir()
metadata.write_text('{"labels": [{"from.assemble": "yes"}]}')
`;

const run = `${hashbang}
import os
print("running", open("/opt/app-root/src/app.txt").read().strip(), os.environ["APP_NAME"])
`;

const saveArtifacts = `${hashbang}
import os, sys, tarfile
os.chdir("/opt/app-root/src")
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar: tar.add("lib"); tar.add("generated.txt")
`;

const usage = `${hashbang}
print("This builder copies a source.")
`;

/** What tests of source-to-image share. */
export interface BuilderUnderTest {
  readonly under: RuncUnderTest;
  readonly context: BuildContext;
  readonly builder: Image;
  /** A folder with a source: an application's text, and files that only the protocol knows. */
  readonly source: string;
  request(more?: Partial<S2iRequest>): S2iRequest;
  /** An image over the test image, with these files and this configuration. */
  image(entries: readonly TarEntry[], config: RuntimeConfig): Promise<Image>;
  /** Contents of an image's files below `prefix`, as a container sees them. */
  files(image: Image, prefix: string): Promise<Readonly<Record<string, string>>>;
  write(path: string, content: string): void;
  dispose(): Promise<void>;
}

/** Little of everything: what these tests run is small. */
const limits = { memoryBytes: 256 << 20, cpus: 2, diskBytes: 64 << 20, timeoutMs: 30_000 };

const builderEntries: readonly TarEntry[] = [
  fileEntry('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\ndefault:x:1001:0::/opt/app-root/src:/bin/sh\n'),
  { ...directoryEntry('opt/app-root/src', 0o775), uid: 1001 },
  ...Object.entries({ assemble, run, 'save-artifacts': saveArtifacts, usage }).map(([name, text]) =>
    fileEntry(`usr/libexec/s2i/${name}`, text, 0o755),
  ),
];

const builderConfig: RuntimeConfig = {
  User: '1001',
  WorkingDir: '/opt/app-root/src',
  Entrypoint: [testPython, '-IB', '-c', 'import os, sys; os.execv(sys.argv[1], sys.argv[1:])'],
  Env: ['PATH=/usr/local/bin:/bin', 'APP_NAME=from the builder'],
  Labels: { 'io.openshift.s2i.scripts-url': 'image:///usr/libexec/s2i', 'of.the': 'builder' },
};

/** Contents of files below `prefix`, as a container of these layers sees them; of what is no file, its type. */
async function filesOf(
  { store }: RuncUnderTest,
  { layers }: Image,
  prefix: string,
): Promise<Readonly<Record<string, string>>> {
  const found: [string, string][] = [];
  for await (const entry of visibleEntries(store, layers, (path) => path.startsWith(prefix))) {
    const content = await readEntry(entry, entry.size);
    found.push([entry.path, content?.toString() ?? entry.type]);
  }
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export async function openBuilderUnderTest(): Promise<BuilderUnderTest> {
  const under = await openRuncUnderTest();
  const folder = mkdtempSync(join(tmpdir(), 'galley-s2i-'));
  const source = join(folder, 'source');
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(join(source, path)), { recursive: true });
    writeFileSync(join(source, path), content, { mode: content.startsWith('#!') ? 0o755 : 0o644 });
  };
  write('app.txt', 'version one\n');
  write('docs/guide.md', 'a guide\n');
  write('.s2i/environment', '# a comment\nAPP_NAME=from the source\nFROM_FLAG = overridden\nodd line\n');
  const base = await readImage(under.store, under.image);
  const image = async (entries: readonly TarEntry[], config: RuntimeConfig): Promise<Image> => {
    const layer = await buildLayer(under.store, entries, { createdBy: 'test' });
    return assembleImage(under.store, { base, layers: [layer], config });
  };
  const builder = await image(builderEntries, builderConfig);
  return {
    under,
    builder,
    source,
    image,
    write,
    context: {
      store: under.store,
      engine: under.engine,
      cacheDir: join(folder, 'cache'),
      privateHosts: () => Promise.resolve([]),
      emit: () => undefined,
      signal: new AbortController().signal,
      now: Date.now,
    },
    request: (more = {}) => ({
      ...plainRequest(source, { name: 'test/builder', image: builder }, folder),
      env: [['FROM_FLAG', 'a flag']],
      limits,
      ...more,
    }),
    files: (of, prefix) => filesOf(under, of, prefix),
    async dispose() {
      await under.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
