import { lstat, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { readInstalled } from '@galley/control/lab/installed';
import { labFolder, prepareLabFolder, resetLabFolder } from '@galley/control/lab/lab-folder';
import { withLabs } from '@galley/control/lab/open-labs';
import { withLab } from '@galley/control/lab/session';
import { homeLayout } from '@galley/control/owner/home';
import type { Context, Result } from '../command/command.ts';
import { describeLabEnd, describeLabStart } from '../render/lab.ts';
import { openStore } from '../server/open-store.ts';
import { makeLabWorkbench, type BuildRequest } from './run-build.ts';
import type { SourceArgument } from './source-argument.ts';

/** What `galley lab` was asked for. */
export interface LabOptions {
  /** True: the folder itself is worked in; false: what the image holds of it, and what is made goes with the session. */
  readonly isMounted: boolean;
  /** Forget first what was installed in earlier sessions. */
  readonly reset: boolean;
  /** 0: any free one. */
  readonly port: number;
  readonly lock: BuildRequest['lock'];
  /** `host:port` that the notebooks may reach. */
  readonly hosts: readonly string[];
  /** What the workbench is called besides. */
  readonly tag: string | undefined;
}

/** Builds the workbench of a repository and works in it until Ctrl-C. Throws as `galley build --workbench`, and `LAB_IN_USE`, `LAB_FAILED`. */
export async function runLab(
  argument: SourceArgument,
  options: LabOptions,
  context: Context,
): Promise<Result> {
  const { home, project, signal, emit } = context;
  const path = argument.kind === 'directory' ? await realpath(argument.path) : undefined;
  if (path !== undefined && options.isMounted) await checkFolder(path, context);
  const { workbench, home: built } = await makeLabWorkbench(
    { argument, lock: options.lock, egressHosts: options.hosts, tag: options.tag },
    context,
  );
  const layout = homeLayout(home);
  const store = await openStore(built);
  // Builds and pruning go on beside it: they leave what it stands on.
  const lease = await store.lease('galley lab');
  try {
    return await withLabs({ layout, store }, async (engine) => {
      const mounted = options.isMounted ? path : undefined;
      const folder = labFolder(layout, mounted ?? workbench.image);
      // What is made outside of a person's folder goes with the session, and so does what was installed.
      if (options.reset || mounted === undefined) await resetLabFolder(folder, signal);
      await prepareLabFolder(folder, workbench.recipe.python.version);
      const shutGit = (await findGit(mounted)) === 'shut';
      const { memoryBytes, cpus, egressHosts } = workbench.limits;
      const { url, status } = await withLab(
        engine,
        {
          project,
          image: workbench.image,
          path: mounted,
          folder,
          limits: { memoryBytes, cpus },
          hosts: egressHosts,
          port: options.port,
          emit,
          signal,
        },
        async (lab) => {
          context.say(describeLabStart(lab.url, mounted, workbench));
          context.data({ url: lab.url, image: workbench.image });
          return { url: lab.url, status: await lab.ended() };
        },
      );
      const installed = await readInstalled(folder);
      if (mounted === undefined) await resetLabFolder(folder, new AbortController().signal);
      const lasting = mounted === undefined ? [] : installed.packages;
      const packages = lasting.map(({ name, version }) => `${name} ${version}`);
      const openGit = !shutGit && (await findGit(mounted)) !== undefined;
      return {
        text: describeLabEnd({ status, packages, openGit }),
        value: { url, image: workbench.image, installed: installed.packages, elsewhere: installed.elsewhere },
        names: [workbench.image],
        exitCode: status === undefined || status.phase === 'succeeded' ? 0 : 1,
      };
    });
  } finally {
    await lease.release();
  }
}

/** A folder with keys in it, Galley's or a person's own, is nothing for hostile code. Throws `USAGE`. */
async function checkFolder(path: string, { home, env }: Context): Promise<void> {
  const real = (folder: string): Promise<string> => realpath(folder).catch(() => folder);
  const galley = await real(home);
  const what =
    path === '/' || `${galley}/`.startsWith(`${path}/`) || path.startsWith(`${galley}/`)
      ? `holds the GALLEY_HOME ${galley} or a part of it`
      : `${await real(env['HOME'] ?? '')}/`.startsWith(`${path}/`)
        ? 'is or holds your home folder, with your keys and settings'
        : undefined;
  if (what === undefined) return;
  throw new GalleyError(
    'USAGE',
    `${path} ${what}, and everything in it would be open to what runs in the lab.`,
    {
      hint: 'Work in a folder of its own: mkdir lab && galley lab lab',
    },
  );
}

/** What is in the place of `.git`: a folder or a file, which a lab only reads, or something else, such as a link, which it could turn elsewhere. */
async function findGit(path: string | undefined): Promise<'shut' | 'open' | undefined> {
  const found = path === undefined ? undefined : await lstat(join(path, '.git')).catch(() => undefined);
  if (found === undefined) return undefined;
  return found.isDirectory() || found.isFile() ? 'shut' : 'open';
}
