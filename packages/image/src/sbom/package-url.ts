import { PackageURL } from 'packageurl-js';
import type { Digest } from '@galley/api/digest';
import type { Distribution, PackageFacts } from '../facts/packages.ts';

/** The package URL under which scanners look a package up (purl-spec): `pkg:pypi/numpy@2.4.6`, `pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12`. */
export function packageUrl(one: PackageFacts, distribution: Distribution | undefined): string {
  if (one.ecosystem === 'python') return new PackageURL('pypi', undefined, one.name, one.version).toString();
  const vendor = distribution?.id ?? 'debian';
  const qualifiers = {
    ...(one.architecture === undefined ? {} : { arch: one.architecture }),
    ...(distribution === undefined || distribution.version === ''
      ? {}
      : { distro: `${distribution.id}-${distribution.version}` }),
    // Advisories of Debian are written for source packages.
    ...(one.source === undefined ? {} : { upstream: one.source }),
  };
  return new PackageURL('deb', vendor, one.name, one.version, qualifiers).toString();
}

/** The package URL of an image, by its digest. `name` is a repository's or a tag's; its last part counts. */
export function imageUrl(name: string, digest: Digest): string {
  const last = name.replace(/@.*$/, '').split('/').at(-1)?.split(':')[0] ?? '';
  return new PackageURL('oci', undefined, last === '' ? 'image' : last.toLowerCase(), digest).toString();
}
