import { statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { findUv } from '@galley/build/command/host-programs';
import { checkIsolation } from '@galley/engine/runc/isolation';
import { formatBytes } from '@galley/api/kind/quantity';

/** One thing that Galley needs of a machine. */
export interface MachineCheck {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
  /** The command that mends it. */
  readonly fix?: string;
}

/** Two builds of a scientific stack: wheels, layers, snapshots. */
const diskBytesMin = 5e9;

/** Looks at the machine and changes nothing. */
export async function checkMachine(options: {
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly serverRuns: boolean;
}): Promise<readonly MachineCheck[]> {
  const ports = [
    { what: 'API port', port: Number(options.env['GALLEY_API_PORT'] ?? 7443), variable: 'GALLEY_API_PORT' },
    {
      what: 'services port',
      port: Number(options.env['GALLEY_GATEWAY_PORT'] ?? 7080),
      variable: 'GALLEY_GATEWAY_PORT',
    },
  ];
  return [
    checkNode(),
    checkTier(),
    await checkUv(),
    await checkDisk(options.home),
    ...(options.serverRuns ? [] : await Promise.all(ports.map(checkPort))),
  ];
}

function checkNode(): MachineCheck {
  const major = Number(process.versions.node.split('.')[0]);
  return { what: 'Node', ok: major >= 24, found: process.versions.node, fix: 'npm start installs Node 24' };
}

function checkTier(): MachineCheck {
  const isolation = checkIsolation();
  const { missing, fix } = isolation;
  if (missing === undefined) return { what: 'isolation', ok: true, found: isolation.tier };
  return { what: 'isolation', ok: false, found: missing, ...(fix === undefined ? {} : { fix }) };
}

async function checkUv(): Promise<MachineCheck> {
  try {
    return { what: 'uv', ok: true, found: await findUv() };
  } catch (error) {
    return {
      what: 'uv',
      ok: false,
      found: error instanceof Error ? error.message : 'missing',
      fix: 'npm start installs it',
    };
  }
}

async function checkDisk(home: string): Promise<MachineCheck> {
  let folder = home;
  for (;;) {
    const found = await statfs(folder).catch(() => undefined);
    if (found !== undefined) {
      const free = found.bavail * found.bsize;
      return {
        what: 'disk',
        ok: free >= diskBytesMin,
        found: `${formatBytes(free)} free for ${home}`,
        fix: `free ${formatBytes(diskBytesMin)}, or set GALLEY_HOME to a larger disk`,
      };
    }
    if (folder === dirname(folder)) return { what: 'disk', ok: false, found: `${home} can't be looked at` };
    folder = dirname(folder);
  }
}

function checkPort({
  what,
  port,
  variable,
}: {
  what: string;
  port: number;
  variable: string;
}): Promise<MachineCheck> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () =>
      resolve({ what, ok: false, found: `${port} is taken`, fix: `export ${variable}=0` }),
    );
    server.listen(port, '127.0.0.1', () =>
      server.close(() => resolve({ what, ok: true, found: `${port} is free` })),
    );
  });
}
