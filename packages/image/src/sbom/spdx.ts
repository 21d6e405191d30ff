import { digestHex } from '@galley/api/digest';
import { fixedCreated } from '../assemble/assemble-image.ts';
import type { PackageFacts } from '../facts/packages.ts';
import type { BillInput } from './bill.ts';
import { isLicenceExpression } from './licence.ts';
import { imageUrl, packageUrl } from './package-url.ts';

/** Nobody looked: SPDX wants to be told so (SPDX 2.3, clause 7). */
const unknown = 'NOASSERTION';

/**
 * SPDX 2.3 as JSON. By hand, since no kept library writes it for Node; the format is small. Times are the image's own, which are fixed.
 */
export function spdx({ image, name, contents }: BillInput): string {
  const hex = digestHex(image.digest);
  const packages = contents.packages.map((one, index) =>
    packageOf(one, packageUrl(one, contents.distribution), `SPDXRef-package-${index}`),
  );
  const root = {
    SPDXID: 'SPDXRef-image',
    name,
    versionInfo: image.digest,
    primaryPackagePurpose: 'CONTAINER',
    downloadLocation: unknown,
    filesAnalyzed: false,
    checksums: [{ algorithm: 'SHA256', checksumValue: hex }],
    licenseConcluded: unknown,
    licenseDeclared: unknown,
    copyrightText: unknown,
    externalRefs: [purl(imageUrl(name, image.digest))],
  };
  const created = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(image.config.created)
    ? image.config.created
    : fixedCreated;
  return JSON.stringify(
    {
      spdxVersion: 'SPDX-2.3',
      dataLicense: 'CC0-1.0',
      SPDXID: 'SPDXRef-DOCUMENT',
      name,
      documentNamespace: `https://galley.dev/spdx/${hex}/${encodeURIComponent(name)}`,
      creationInfo: { created, creators: ['Tool: galley'] },
      packages: [root, ...packages],
      relationships: [
        relation('SPDXRef-DOCUMENT', 'DESCRIBES', 'SPDXRef-image'),
        ...packages.map((one) => relation('SPDXRef-image', 'CONTAINS', one.SPDXID)),
      ],
    },
    undefined,
    2,
  );
}

function packageOf(one: PackageFacts, url: string, id: string) {
  const { licence } = one;
  const isExpression = licence !== undefined && isLicenceExpression(licence);
  return {
    SPDXID: id,
    name: one.name,
    versionInfo: one.version,
    primaryPackagePurpose: 'LIBRARY',
    downloadLocation: unknown,
    filesAnalyzed: false,
    licenseConcluded: unknown,
    licenseDeclared: isExpression ? licence : unknown,
    ...(licence === undefined || isExpression ? {} : { licenseComments: `The package says: ${licence}` }),
    copyrightText: unknown,
    ...(one.summary === undefined ? {} : { summary: one.summary }),
    ...(one.homepage === undefined ? {} : { homepage: one.homepage }),
    sourceInfo: `listed in /${one.path}, of the layer ${one.layer}`,
    externalRefs: [purl(url)],
  };
}

function purl(locator: string): object {
  return { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: locator };
}

function relation(from: string, type: string, to: string): object {
  return { spdxElementId: from, relationshipType: type, relatedSpdxElement: to };
}
