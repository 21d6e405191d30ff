import type { LockedPackage } from './base-lock.ts';

/** A package as apt would fetch it. */
export interface AptUri {
  readonly url: string;
  readonly name: string;
  readonly version: string;
  readonly size: number;
  readonly sha256: string;
}

/** The lines of `apt-get --print-uris`: `'URL' NAME_VERSION_ARCH.deb SIZE SHA256:HEX`. Lines without a sha256 are left out. */
export function parseAptUris(output: string): readonly AptUri[] {
  return output.split('\n').flatMap((line) => {
    const match = /^'([^']+)' (\S+)_(\S+)_[^_\s]+\.deb (\d+) SHA256:([0-9a-f]{64})$/.exec(line.trim());
    if (match === null) return [];
    const [, url = '', name = '', version = '', size = '', sha256 = ''] = match;
    return [{ url, name, version: decodeURIComponent(version), size: Number(size), sha256 }];
  });
}

/** Where the package lies below its archive's root, and in which archive: the host is a matter of the machine. */
export function toLockedPackage(uri: AptUri): LockedPackage {
  const at = uri.url.indexOf('/pool/');
  const root = uri.url.slice(0, at);
  return {
    name: uri.name,
    version: uri.version,
    archive: /security/.test(root) ? 'security' : 'main',
    path: decodeURIComponent(uri.url.slice(at + 1)),
    size: uri.size,
    sha256: uri.sha256,
  };
}
