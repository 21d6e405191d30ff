import { readContents, type ImageContents } from '../facts/packages.ts';
import { artifactType } from '../referrer/artifact-types.ts';
import type { Image } from '../image.ts';
import type { ImageStore } from '../store.ts';
import { cyclonedx } from './cyclonedx.ts';
import { spdx } from './spdx.ts';

/** The two formats that the field reads. */
export type BillFormat = 'cyclonedx' | 'spdx';

/** The type of each format's referrer. */
export const billTypes: Readonly<Record<BillFormat, string>> = {
  cyclonedx: artifactType.cyclonedx,
  spdx: artifactType.spdx,
};

/** What a bill of materials is made from. */
export interface BillInput {
  readonly image: Image;
  /** What the image is called: `default/iris:latest`. */
  readonly name: string;
  readonly contents: ImageContents;
}

/** The bill of materials of an image as JSON, read from its layers. Pure but for reading: the same image and name give the same bytes. */
export async function makeBill(
  store: ImageStore,
  image: Image,
  options: { readonly format: BillFormat; readonly name: string; readonly signal?: AbortSignal },
): Promise<string> {
  const input = { image, name: options.name, contents: await readContents(store, image, options.signal) };
  return `${options.format === 'cyclonedx' ? cyclonedx(input) : spdx(input)}\n`;
}
