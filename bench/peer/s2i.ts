import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { timed } from './command.ts';
import { pipImage, type Docker } from './docker.ts';

/**
 * Milliseconds of source-to-image's own steps on a Docker daemon: upload the sources as a tar into a container of the builder, run
 * assemble there, commit. Its program is in no package registry that every machine reaches; what it does besides (git, labels) is left out, in its favour.
 */
export async function buildLikeS2i(
  docker: Docker,
  folder: string,
  tag: string,
  upload: string,
  signal: AbortSignal,
): Promise<number> {
  await mkdir(dirname(upload), { recursive: true });
  const packed = await timed(['tar', '-C', folder, '--transform', 's,^[.],src,', '-cf', upload, '.'], {
    signal,
  });
  const command = 'tar -C /tmp -xf - && sh /usr/libexec/s2i/assemble';
  const run = ['run', '--interactive', '--network', 'host', '--name', `${tag}-assemble`];
  const assembled = await docker.timed([...run, pipImage, '/bin/sh', '-c', command], upload);
  const change = ['--change', 'CMD ["python","/opt/app/app.py"]'];
  const committed = await docker.timed(['commit', ...change, `${tag}-assemble`, tag]);
  await docker.timed(['rm', `${tag}-assemble`]);
  return packed + assembled + committed;
}
