import { GalleyError } from '@galley/api/error/galley-error';
import type { Workload } from '../engine.ts';

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const hostPort = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})$/;
/** As in the `User` of an image: a name or id, and perhaps a group. */
const userPattern = /^([A-Za-z0-9_][A-Za-z0-9_.-]{0,31}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?)?$/;
const fileBytesMax = 64 * 1024 * 1024;
/** Where the engine mounts things of its own: a file or secret there would hide them. */
const reserved = ['/proc', '/sys', '/dev', '/run/galley', '/galley/out'];

/**
 * The door of every engine: what passes here is trusted inside. Callers are our own rooms, so a refusal is their
 * fault, but names and paths derive from repositories and must not reach a mount or an argv unchecked.
 * Throws `WORKLOAD_INVALID`.
 */
export function checkWorkload(workload: Workload): void {
  const refuse = (what: string): never => {
    throw new GalleyError('WORKLOAD_INVALID', `The workload ${JSON.stringify(workload.id)} ${what}.`);
  };
  if (!label.test(workload.id)) refuse('has an id that is no DNS label');
  if (!label.test(workload.project)) refuse('has a project that is no DNS label');
  if (workload.networkGroup !== undefined && !label.test(workload.networkGroup)) {
    refuse('has a network group that is no DNS label');
  }
  checkUser(workload, refuse);
  checkLimits(workload, refuse);
  checkFolders(workload, refuse);
  checkPaths(workload, refuse);
  for (const port of workload.ports) {
    if (!Number.isInteger(port) || port < 1 || port > 65535) refuse(`asks for the port ${port}`);
  }
  for (const entry of workload.egress.hosts) {
    const match = hostPort.exec(entry);
    const port = Number(match?.[2]);
    if (!match || port < 1 || port > 65535)
      refuse(`may reach ${JSON.stringify(entry)}, which is no host:port`);
  }
  for (const [name, value] of Object.entries(workload.env)) {
    if (name === '' || /[=\0]/.test(name) || value.includes('\0')) {
      refuse(`has an environment variable ${JSON.stringify(name)} that cannot be passed`);
    }
  }
  if (workload.command.some((part) => part.includes('\0'))) refuse('has a NUL in its command');
}

function checkUser(workload: Workload, refuse: (what: string) => never): void {
  const { user } = workload;
  if (user === undefined) return;
  if (!userPattern.test(user)) refuse(`asks for the user ${JSON.stringify(user)}`);
  if (workload.rootfs !== 'writable') refuse('asks for a user of the image and has a read-only root');
  // A group's user namespace is its first member's, which maps other ids.
  if (workload.networkGroup !== undefined) refuse('asks for a user of the image and for a network group');
}

function checkLimits(workload: Workload, refuse: (what: string) => never): void {
  const { memoryBytes, cpus, pids, openFiles, diskBytes } = workload.limits;
  for (const [name, value] of Object.entries({ memoryBytes, pids, openFiles, diskBytes })) {
    if (!Number.isSafeInteger(value) || value <= 0) refuse(`has the limit ${name} = ${value}`);
  }
  if (!(cpus > 0 && cpus <= 4096)) refuse(`has the limit cpus = ${cpus}`);
}

function checkFolders({ folders = [], user }: Workload, refuse: (what: string) => never): void {
  if (folders.length > 0 && user !== undefined)
    refuse('asks for folders of the host and for a user of the image');
  for (const { source } of folders) {
    if (!source.startsWith('/') || source.includes('\0'))
      refuse(`asks for the folder ${JSON.stringify(source)}, which is no absolute path`);
  }
}

function checkPaths(workload: Workload, refuse: (what: string) => never): void {
  const inside = [
    ...Object.keys(workload.files),
    ...Object.keys(workload.secrets),
    ...workload.tmpfs,
    ...folderPaths(workload),
    ...(workload.workingDir === undefined ? [] : [workload.workingDir]),
  ];
  for (const path of inside) {
    if (!isPlainAbsolute(path))
      refuse(`names the path ${JSON.stringify(path)}, which is not absolute and plain`);
  }
  for (const path of [
    ...Object.keys(workload.files),
    ...Object.keys(workload.secrets),
    ...workload.tmpfs,
    ...folderPaths(workload),
  ]) {
    if (path === '/' || reserved.some((root) => path === root || path.startsWith(`${root}/`))) {
      refuse(`puts something at ${path}, which is the engine's`);
    }
  }
  const bytes = Object.values(workload.files).reduce((sum, content) => sum + Buffer.byteLength(content), 0);
  if (bytes > fileBytesMax) refuse(`carries ${bytes} bytes of files; ${fileBytesMax} are allowed`);
}

function folderPaths({ folders = [] }: Workload): readonly string[] {
  return folders.map(({ path }) => path);
}

/** Absolute, no `.`, `..`, empty part, control character, or comma and colon (they separate mount options). */
function isPlainAbsolute(path: string): boolean {
  if (!path.startsWith('/') || path.length > 1024) return false;
  // oxlint-disable-next-line no-control-regex -- control characters are exactly what is refused
  if (/[\u0000-\u001f\u007f,:\\]/.test(path)) return false;
  return (
    path === '/' ||
    path
      .slice(1)
      .split('/')
      .every((part) => part !== '' && part !== '.' && part !== '..')
  );
}
