import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import { createHash } from 'node:crypto';
import { digestHex, type Digest } from '@galley/api/digest';
import type { PackageFacts } from '../facts/packages.ts';
import type { BillInput } from './bill.ts';
import { isLicenceExpression } from './licence.ts';
import { imageUrl, packageUrl } from './package-url.ts';

/** CycloneDX 1.6 as JSON. */
export function cyclonedx({ image, name, contents }: BillInput): string {
  const root = new Models.Component(Enums.ComponentType.Container, name, {
    bomRef: 'image',
    version: image.digest,
    purl: imageUrl(name, image.digest),
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm['SHA-256'], digestHex(image.digest)]]),
    properties: properties({
      'dev.galley:architecture': image.config.architecture,
      ...Object.fromEntries(
        Object.entries(image.config.config.Labels ?? {}).filter(([key]) => key.startsWith('dev.galley.')),
      ),
    }),
  });
  const bom = new Models.Bom({
    serialNumber: `urn:uuid:${uuidOf(image.digest, name)}`,
    metadata: new Models.Metadata({
      component: root,
      tools: new Models.Tools({
        components: new Models.ComponentRepository([
          new Models.Component(Enums.ComponentType.Application, 'galley'),
        ]),
      }),
    }),
  });
  const { distribution } = contents;
  if (distribution !== undefined) {
    const system = new Models.Component(Enums.ComponentType.OperatingSystem, distribution.id, {
      bomRef: 'distribution',
      version: distribution.version,
      description: distribution.name,
    });
    bom.components.add(system);
    root.dependencies.add(system.bomRef);
  }
  for (const [index, one] of contents.packages.entries()) {
    const component = componentOf(one, packageUrl(one, distribution), `package-${index}`);
    bom.components.add(component);
    root.dependencies.add(component.bomRef);
  }
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  return new Serialize.JsonSerializer(factory).serialize(bom, { sortLists: true, space: 2 });
}

function componentOf(one: PackageFacts, purl: string, bomRef: string): Models.Component {
  const component = new Models.Component(Enums.ComponentType.Library, one.name, {
    bomRef,
    version: one.version,
    purl,
    ...(one.summary === undefined ? {} : { description: one.summary }),
    properties: properties({ 'dev.galley:layer': one.layer, 'dev.galley:path': `/${one.path}` }),
  });
  if (one.licence !== undefined) {
    component.licenses.add(
      isLicenceExpression(one.licence)
        ? new Models.LicenseExpression(one.licence)
        : new Models.NamedLicense(one.licence),
    );
  }
  if (one.homepage !== undefined) {
    component.externalReferences.add(
      new Models.ExternalReference(one.homepage, Enums.ExternalReferenceType.Website),
    );
  }
  return component;
}

function properties(values: Readonly<Record<string, string>>): Models.PropertyRepository {
  return new Models.PropertyRepository(
    Object.entries(values).map(([name, value]) => new Models.Property(name, value)),
  );
}

/** A number for the document that is its own for every image and name, and the same tomorrow (RFC 9562, version 8). */
function uuidOf(digest: Digest, name: string): string {
  const bytes = createHash('sha256').update(`${digest} ${name}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
