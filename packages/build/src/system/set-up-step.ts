import { assembleImage } from '@galley/image/assemble/assemble-image';
import type { Layer } from '@galley/image/descriptor';
import { directoryEntry, fileEntry, symlinkEntry, type TarEntry } from '@galley/image/tar/entry';
import { toLockedPackage } from '../base/apt-uris.ts';
import { debianArchitecture } from '../base/base-lock.ts';
import { fetchPackages } from '../base/fetch-packages.ts';
import { findMirrors } from '../base/mirrors.ts';
import { resolvePackages } from '../base/resolve-packages.ts';
import { unpackPackage } from '../base/unpack-package.ts';
import type { BuildContext } from '../build.ts';
import { defaultStepLimits, runBuildStep } from '../build-step/build-step.ts';
import { changeLayers } from '../build-step/change-layers.ts';
import { inputLayer } from '../build-step/input-layer.ts';
import type { SetUpScript } from './set-up-script.ts';

/** Packages whose set-up scripts are to be run. */
export interface SetUp {
  readonly base: Layer;
  readonly system: Layer;
  readonly suite: string;
  /** dpkg's status with the new packages in it. */
  readonly status: string;
  /** In the order in which they are run. */
  readonly scripts: readonly (Pick<SetUpScript, 'text' | 'beside'> & { readonly name: string })[];
}

export interface SetUpOptions {
  readonly context: BuildContext;
  readonly project: string;
  readonly application: string;
  readonly object: string;
  /** Private to this build. */
  readonly workDir: string;
}

export interface SetUpResult {
  /** Undefined: the scripts changed nothing. */
  readonly layer: Layer | undefined;
  /** Packages whose script failed. */
  readonly failed: readonly string[];
}

/** What scripts may take for granted (policy 3.8), and what dpkg brings for them. Not in the image afterwards. */
const essential = [
  'bash',
  'debianutils',
  'diffutils',
  'dpkg',
  'findutils',
  'grep',
  'gzip',
  'hostname',
  'libc-bin',
  'mawk',
  'perl-base',
  'sed',
  'tar',
  'util-linux',
];

/** Nothing is started in an image: what would register or start services does nothing. */
const silenced = [
  'invoke-rc.d',
  'update-rc.d',
  'systemctl',
  'deb-systemd-helper',
  'deb-systemd-invoke',
  'service',
];

const folder = 'galley/set-up';

/** Each script as dpkg calls it; one that fails is noted and the others go on, as after `dpkg --force-configure-any`. */
const driver = `#!/bin/sh
while read -r package; do
  export DPKG_MAINTSCRIPT_PACKAGE="$package"
  if ! "/${folder}/$package.postinst" configure '' </dev/null; then
    echo "the set-up script of $package failed"
    echo "$package" >> /galley/out/failed
  fi
done < /${folder}/ORDER
`;

/**
 * Runs the set-up scripts of Debian packages as dpkg would, in a workload: as the image's root, without a network, with what every Debian has at
 * hand and the image has not. What they change is a layer. Throws `BASE_UNAVAILABLE`, `BUILD_STEP_FAILED` and what the engine throws.
 */
export async function runSetUpScripts(setUp: SetUp, options: SetUpOptions): Promise<SetUpResult> {
  const { context, object } = options;
  const { store, emit, signal } = context;
  const image = await assembleImage(store, { layers: [setUp.base, setUp.system], config: {} });
  const tools = await toolEntries(setUp, options);
  const { changes, output } = await runBuildStep(
    {
      name: 'apt.txt',
      image,
      inputs: [await inputLayer(image, [...tools, ...scriptEntries(setUp)], context)],
      command: [`/${folder}/RUN`],
      user: '0:0',
      workingDir: '/',
      env: {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        DEBIAN_FRONTEND: 'noninteractive',
        DPKG_MAINTSCRIPT_NAME: 'postinst',
        DPKG_MAINTSCRIPT_ARCH: debianArchitecture(),
        DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT: '1',
      },
      secrets: {},
      egress: { index: false, hosts: [] },
      limits: { ...defaultStepLimits, timeoutMs: 20 * 60_000 },
      // Logs, and caches that are held against times which no layer keeps.
      omit: [folder, 'var/log', 'var/cache', 'var/lib/dpkg/status', 'var/lib/dpkg/triggers', 'usr/share/man'],
      keepCaches: false,
    },
    {
      ...options,
      onLine: (line) => emit({ object, phase: 'system', step: line.slice(0, 200), state: 'progress' }),
    },
  );
  const [made] = await changeLayers(changes, [{ role: 'system', holds: () => true }], {
    context: { store, signal },
    createdBy: 'galley system set-up',
  });
  const failed = ((await output.text('failed')) ?? '').split('\n').filter((name) => name !== '');
  return { layer: made?.layer, failed };
}

async function toolEntries(setUp: SetUp, { context, object }: SetUpOptions): Promise<readonly TarEntry[]> {
  const { cacheDir, emit, signal } = context;
  const architecture = debianArchitecture();
  const uris = await resolvePackages(essential, {
    suite: setUp.suite,
    architecture,
    mirrors: await findMirrors(),
    installed: setUp.status,
    signal,
  });
  const packages = uris.map(toLockedPackage);
  const lock = {
    schema: 'galley.dev/base-lock/v1',
    suite: setUp.suite,
    architecture,
    python: '',
    packages,
  } as const;
  const { files } = await fetchPackages(lock, { cacheDir, emit, object, signal });
  const entries = new Map<string, TarEntry>();
  for (const file of files) {
    for (const entry of (await unpackPackage(file, signal)).entries) entries.set(entry.path, entry);
  }
  return [...entries.values()].filter(({ type }) => type !== 'directory');
}

function scriptEntries({ scripts, status }: SetUp): readonly TarEntry[] {
  const order = scripts.map(({ name }) => `${name}\n`).join('');
  return [
    directoryEntry(folder),
    fileEntry(`${folder}/RUN`, driver, 0o755),
    fileEntry(`${folder}/ORDER`, order),
    // By these names debconf finds what belongs to a script.
    ...scripts.flatMap(({ name, text, beside }) => [
      fileEntry(`${folder}/${name}.postinst`, text, 0o755),
      ...Object.entries(beside).map(([end, content]) =>
        fileEntry(`${folder}/${name}.${end}`, content, 0o755),
      ),
    ]),
    // Links to manual pages want the folder, although the image has no manual.
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((section) => directoryEntry(`usr/share/man/man${section}`)),
    ...silenced.map((name) => fileEntry(`usr/sbin/${name}`, '#!/bin/sh\nexit 0\n', 0o755)),
    // An alternative that the set-up of debianutils itself would make.
    symlinkEntry('usr/bin/which', 'which.debianutils'),
    fileEntry('var/lib/dpkg/status', status),
  ];
}
