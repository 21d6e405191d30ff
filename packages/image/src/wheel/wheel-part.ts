import { compareBytes } from '../tar/order.ts';
import type { PlacedFile } from './place-wheel.ts';

/** Which of several layers of one wheel: `index` counts from 0. */
export interface WheelPart {
  readonly index: number;
  readonly of: number;
}

/**
 * The files of one part. All files in the order of their paths are cut into runs of about the same size as they are compressed: what lies in one
 * folder stays together mostly, and the cut follows from the wheel and the number of parts alone. One file is never cut. Pure.
 */
export function filesOfPart(files: readonly PlacedFile[], part: WheelPart): readonly PlacedFile[] {
  const sorted = files.toSorted((left, right) => compareBytes(left.path, right.path));
  const total = sorted.reduce((sum, file) => sum + weightOf(file), 0);
  let before = 0;
  return sorted.filter((file) => {
    // By its middle: a file that is larger than a part does not leave the part before it empty.
    const middle = before + weightOf(file) / 2;
    before += weightOf(file);
    return Math.min(part.of - 1, Math.floor((middle * part.of) / total)) === part.index;
  });
}

/** Bytes in the layer, and what an entry costs besides: a folder of empty files has a size too. */
function weightOf({ source }: PlacedFile): number {
  return 512 + (source.kind === 'zip' ? source.entry.compressedSize : source.content.byteLength);
}
