import type { WorkloadInspection } from '@galley/engine/engine';
import { formatBytes } from '@galley/api/kind/quantity';
import { safeText } from '../render/safe-text.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'What the kernel knows of a running service: eight things that isolate it',
  description:
    'Executable, arguments, environment, virtual memory, file handles, root filesystem, process table and network routes of one replica, as they are now.',
  examples: ['galley inspect flight-delay', 'galley inspect flight-delay -o json'],
  arguments: [{ name: 'NAME', description: 'the application', completes: 'application' }],
  async run({ args: [name = ''] }, context) {
    const client = await context.connect();
    const { replica, inspection } = await client.call('applicationInspect', {
      params: { project: context.project, name },
      signal: context.signal,
    });
    // The server answers with what its engine gave; the type is the engine's.
    const seen = inspection as WorkloadInspection;
    return { text: describe(replica, seen), value: { replica, inspection }, names: [`workload/${replica}`] };
  },
};

function describe(replica: string, seen: WorkloadInspection): string {
  const section = (title: string, lines: readonly string[]): string =>
    [title, ...(lines.length === 0 ? ['  none'] : lines.map((line) => `  ${safeText(line)}`))].join('\n');
  const { memory, files, root, network } = seen;
  return [
    `Replica ${replica}`,
    section('1 Executable', [seen.executable]),
    section('2 Arguments', [seen.arguments.join(' ')]),
    section(
      '3 Environment',
      Object.entries(seen.environment).map(([key, value]) => `${key}=${value}`),
    ),
    section('4 Virtual memory', [
      `${formatBytes(memory.virtualBytes)} mapped, ${formatBytes(memory.residentBytes)} resident, limit ${formatBytes(memory.limitBytes)}`,
    ]),
    section('5 File handles', [`${files.open} open, limit ${files.limit}`, ...files.sample]),
    section('6 Root filesystem', [
      `${root.readonly ? 'read-only' : 'writable'}, ${root.layers.length} layers`,
      ...root.mounts.map((mount) => `mount ${mount}`),
    ]),
    section(
      '7 Process table',
      seen.processes.map((p) => `pid ${p.pid}  uid ${p.uid}  ${p.command}`),
    ),
    section('8 Network routes', [
      `interfaces: ${network.interfaces.join(', ')}`,
      ...(network.routes.length === 0 ? ['no routes'] : network.routes.map((route) => `route ${route}`)),
      network.egress.length === 0 ? 'egress: none' : `egress: ${network.egress.join(', ')}`,
    ]),
    section(
      'Kept in by',
      Object.entries(seen.isolation).map(([key, value]) => `${key}: ${value}`),
    ),
  ].join('\n\n');
}
