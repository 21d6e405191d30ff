import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where Debian puts the server; undefined: this machine has none, and its tests are skipped by name. */
export const sshd = ['/usr/sbin/sshd'].find((path) => existsSync(path));

export interface SshServer {
  /** `user@127.0.0.1:PORT` as it stands behind `ssh://`. */
  readonly authority: string;
  /** A private key that it accepts. */
  readonly key: string;
  /** Its line of a known_hosts file. */
  readonly knownHost: string;
  close(): Promise<void>;
}

/** A real sshd that lets one key in and runs what it asks for: git's upload-pack, or the commands of `programs`. */
export async function startSshd(
  folder: string,
  programs: Readonly<Record<string, string>> = {},
): Promise<SshServer> {
  if (sshd === undefined) throw new Error('there is no sshd');
  // sshd wants a folder that only root may write, and its separation folder.
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  for (const name of ['host', 'user'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(folder, name)]);
  const port = await freePort();
  const bin = join(folder, 'bin');
  await mkdir(bin);
  for (const [name, script] of Object.entries(programs))
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  await writeFile(join(folder, 'authorized'), await readFile(join(folder, 'user.pub')), { mode: 0o600 });
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(folder, 'host')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized')}`,
    'PasswordAuthentication no',
    'PermitRootLogin yes',
    'StrictModes no',
    'UsePAM no',
    `PidFile ${join(folder, 'pid')}`,
    `SetEnv PATH=${bin}:/usr/bin:/bin`,
  ];
  await writeFile(join(folder, 'config'), `${config.join('\n')}\n`);
  const server = spawn(sshd, ['-D', '-e', '-f', join(folder, 'config')], { stdio: 'ignore' });
  const ended = once(server, 'exit');
  await answering(port);
  const hostKey = (await readFile(join(folder, 'host.pub'), 'utf8')).trim();
  return {
    authority: `${userInfo().username}@127.0.0.1:${port}`,
    key: await readFile(join(folder, 'user'), 'utf8'),
    knownHost: `[127.0.0.1]:${port} ${hostKey}`,
    async close() {
      server.kill('SIGTERM');
      await ended;
    },
  };
}

/** A port that nobody listens on now; git-daemon and sshd cannot be told to choose one. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Until something listens; ten seconds at most. */
export async function answering(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    await sleep(50);
  }
  throw new Error(`nothing listens on port ${port}`);
}
