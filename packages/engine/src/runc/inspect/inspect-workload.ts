import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { WorkloadInspection } from '../../engine.ts';
import { groupProcesses } from '../cgroup/processes.ts';
import { cgroupsPath, type Host } from '../host.ts';
import { initPath } from '../oci/mounts.ts';
import { isAlive } from '../process/process-identity.ts';
import type { WorkloadRecord } from '../record.ts';
import { linkOf, nulSeparated, readOpenFiles, readProc, readStatus } from './process-files.ts';

const filesShown = 32;
const processesShown = 256;
/** Names of variables whose values are not shown. */
const secretName = /pass|secret|token|key|credential|auth/i;

/** The eight things of MISSION.md S2 as the kernel shows them. Throws `ENGINE_FAILED` when it does not run. */
export async function inspectWorkload(host: Host, record: WorkloadRecord): Promise<WorkloadInspection> {
  const { workload, init } = record;
  if (record.phase !== 'running' || init === undefined || !isAlive(init)) {
    throw new GalleyError(
      'ENGINE_FAILED',
      `The workload ${workload.id} does not run: it is ${record.phase}.`,
    );
  }
  const pid = await mainProcess(host, init.pid);
  const [status, files, limits, pids, mounts] = await Promise.all([
    readStatus(pid),
    readOpenFiles(pid, filesShown),
    readProc(pid, 'limits'),
    groupProcesses(host.cgroups, cgroupsPath(host, workload.project, workload.id)),
    readMounts(pid),
  ]);
  const kibibytes = (field: string): number => Number.parseInt(status.get(field) ?? '0', 10) * 1024;
  return {
    executable: await linkOf(pid, 'exe'),
    arguments: nulSeparated(await readProc(pid, 'cmdline')),
    environment: redacted(nulSeparated(await readProc(pid, 'environ'))),
    memory: {
      virtualBytes: kibibytes('VmSize'),
      residentBytes: kibibytes('VmRSS'),
      limitBytes: workload.limits.memoryBytes,
    },
    files: {
      open: files.open,
      limit: Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0),
      sample: files.sample,
    },
    root: {
      readonly: mounts.some((mount) => mount.point === '/' && mount.options.includes('ro')),
      layers: record.diffIds,
      mounts: mounts.map(({ point, type, options }) => `${point} ${type} ${options.join(',')}`),
    },
    processes: await Promise.all(pids.slice(0, processesShown).map(describeProcess)),
    network: { ...(await readNetwork(pid)), egress: egressOf(record) },
    isolation: await readIsolation(pid, status),
  };
}

/** With `tini` as process 1 the workload's own program is its first child. */
async function mainProcess(host: Host, init: number): Promise<number> {
  if (host.init === undefined || !(await readProc(init, 'cmdline')).startsWith(initPath)) return init;
  const children = await readFile(
    join('/proc', String(init), 'task', String(init), 'children'),
    'utf8',
  ).catch(() => '');
  const [first] = children.trim().split(' ');
  return first === undefined || first === '' ? init : Number(first);
}

function redacted(lines: readonly string[]): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const line of lines) {
    const at = line.indexOf('=');
    if (at <= 0) continue;
    const name = line.slice(0, at);
    environment[name] = secretName.test(name) ? '(redacted)' : line.slice(at + 1);
  }
  return environment;
}

async function readMounts(pid: number): Promise<{ point: string; type: string; options: string[] }[]> {
  const lines = (await readProc(pid, 'mountinfo')).split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const fields = left.split(' ');
    return { point: fields[4] ?? '', type: right.split(' ')[0] ?? '', options: (fields[5] ?? '').split(',') };
  });
}

async function describeProcess(pid: number): Promise<{ pid: number; uid: number; command: string }> {
  const [status, command] = await Promise.all([readStatus(pid), readProc(pid, 'cmdline')]);
  return {
    pid,
    uid: Number.parseInt(status.get('Uid') ?? '-1', 10),
    command: nulSeparated(command).join(' ').slice(0, 512),
  };
}

async function readNetwork(pid: number): Promise<{ interfaces: string[]; routes: string[] }> {
  const [devices, routes] = await Promise.all([readProc(pid, 'net/dev'), readProc(pid, 'net/route')]);
  const interfaces = devices
    .split('\n')
    .slice(2)
    .map((line) => line.split(':')[0]?.trim() ?? '')
    .filter((name) => name !== '');
  // Destination, gateway and mask as the kernel writes them: little-endian hexadecimal.
  const lines = routes
    .split('\n')
    .slice(1)
    .filter((line) => line !== '');
  return { interfaces, routes: lines.map(describeRoute) };
}

function describeRoute(line: string): string {
  const [device = '', destination = '', gateway = '', , , , , mask = ''] = line.split('\t');
  const address = (hex: string): string =>
    (hex.match(/../g) ?? [])
      .toReversed()
      .map((byte) => Number.parseInt(byte, 16))
      .join('.');
  return `${address(destination)}/${address(mask)} via ${address(gateway)} dev ${device}`;
}

function egressOf(record: WorkloadRecord): string[] {
  const { egress } = record.workload;
  return [...(egress.index ? ['package index (read-only)'] : []), ...egress.hosts];
}

async function readIsolation(
  pid: number,
  status: ReadonlyMap<string, string>,
): Promise<Record<string, string>> {
  const own: Record<string, string> = {};
  for (const field of ['CapEff', 'CapBnd', 'NoNewPrivs', 'Seccomp', 'Uid', 'Gid', 'NSpid']) {
    own[field] = (status.get(field) ?? '').replaceAll('\t', ' ');
  }
  for (const kind of ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts']) {
    own[`ns/${kind}`] = await linkOf(pid, `ns/${kind}`);
  }
  own['uid_map'] = (await readProc(pid, 'uid_map')).trim().replaceAll(/\s+/g, ' ');
  return own;
}
