import type { Digest } from '@galley/api/digest';
import { mergeConfig } from '@galley/image/assemble/runtime-config';
import type { RuntimeConfig } from '@galley/image/image';
import type { PinChange } from '../lock/lock.ts';
import { imageUser } from '../base/system-files.ts';

/** What the labels of an image say it was made of. */
export interface ImageFacts {
  readonly source: Digest;
  readonly lock: Digest;
  /** Of the lock of Debian's packages. */
  readonly base: string;
  /** False: something in it is only on this machine. */
  readonly reproducible: boolean;
  readonly commit: string | undefined;
  /** Variables of the repository (.s2i/environment). */
  readonly environment?: Readonly<Record<string, string>>;
  /** RFC 3339: packages were resolved as of then. */
  readonly asOf?: string | undefined;
  /** Pins that were replaced. */
  readonly changes?: readonly PinChange[];
}

/** Which of our images it is. */
export type ImageKind = 'environment' | 'workbench' | 'candidate' | 'service';

/** Where JupyterLab listens, as everywhere else (builders.md §2.4). */
export const labPort = 8888;

/** The configuration of every image of ours; images differ in layers and labels. Pure. */
export function imageConfig(kind: ImageKind, facts: ImageFacts): RuntimeConfig {
  const isLab = kind === 'workbench';
  const port = isLab ? labPort : 8080;
  const own: RuntimeConfig = {
    User: `${imageUser.uid}:0`,
    WorkingDir: '/home/galley/app',
    Entrypoint: ['/opt/galley/runtime/bin/galley-runtime'],
    Cmd: [isLab ? 'lab' : 'serve'],
    StopSignal: 'SIGTERM',
    // 8080: the service; 9090: metrics and counts where there is no admin socket (DESIGN.md §7).
    ExposedPorts: isLab ? { [`${port}/tcp`]: {} } : { '8080/tcp': {}, '9090/tcp': {} },
    Env: [
      'PATH=/opt/galley/env/bin:/usr/local/bin:/usr/bin:/bin',
      'HOME=/home/galley',
      'LANG=C.UTF-8',
      'VIRTUAL_ENV=/opt/galley/env',
      'PYTHONDONTWRITEBYTECODE=1',
      'PYTHONUNBUFFERED=1',
      // A notebook that a person looks at draws into its page, which is what the kernel chooses when nothing is said.
      ...(isLab ? [] : ['MPLBACKEND=Agg']),
      `PORT=${port}`,
    ],
    Labels: {
      ...(facts.commit === undefined ? {} : { 'org.opencontainers.image.revision': facts.commit }),
      ...(facts.asOf === undefined ? {} : { 'dev.galley.as-of': facts.asOf }),
      ...(facts.changes === undefined || facts.changes.length === 0
        ? {}
        : {
            'dev.galley.modernised': facts.changes
              .map(({ name, from, to }) => `${name} ${from} > ${to}`)
              .join(', '),
          }),
      'dev.galley.kind': kind,
      'dev.galley.source': facts.source,
      'dev.galley.lock': facts.lock,
      'dev.galley.base': facts.base,
      'dev.galley.reproducible': String(facts.reproducible),
      'io.openshift.expose-services': `${port}:http`,
    },
  };
  const lines = Object.entries(facts.environment ?? {}).map(([name, value]) => `${name}=${value}`);
  // A name that stands twice is read by some programs as the first and by others as the last.
  return mergeConfig(own, { Env: lines.sort() });
}
