import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** The content of a pointer file for `content`. */
export function pointerTo(content: Buffer, oid = createHash('sha256').update(content).digest('hex')): string {
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.length}\n`;
}

/**
 * A Git LFS server for `contents` that hangs beside git's backend: the batch API and the objects themselves. `alter` changes what it sends, as
 * a damaged or hostile one would.
 */
export function lfsServer(
  contents: readonly Buffer[],
  alter: (content: Buffer) => Buffer = (content) => content,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const byOid = new Map(
    contents.map((content) => [createHash('sha256').update(content).digest('hex'), content]),
  );
  return (request, response) => {
    const url = request.url ?? '';
    const object = /^\/lfs-object\/([0-9a-f]{64})$/.exec(url)?.[1];
    if (object !== undefined) {
      response.end(alter(byOid.get(object) ?? Buffer.alloc(0)));
      return true;
    }
    if (!url.endsWith('/info/lfs/objects/batch')) return false;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const asked = JSON.parse(Buffer.concat(chunks).toString()) as {
        objects: { oid: string; size: number }[];
      };
      const objects = asked.objects.map(({ oid, size }) =>
        byOid.has(oid)
          ? { oid, size, actions: { download: { href: `http://${request.headers.host}/lfs-object/${oid}` } } }
          : { oid, size, error: { code: 404, message: 'Object does not exist' } },
      );
      response.writeHead(200, { 'content-type': 'application/vnd.git-lfs+json' });
      response.end(JSON.stringify({ transfer: 'basic', objects }));
    });
    return true;
  };
}
