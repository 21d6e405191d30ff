import type { ErrorBody } from '@galley/api/error/galley-error';
import type { Environment } from './environment.ts';
import type { StitchedLayer } from './stitch-layer.ts';
import type { WheelFile } from './wheel-fault.ts';
import type { WheelPart } from './wheel-part.ts';

/** What the pool and a stitching thread say to each other. */
export type StitchRequest =
  | {
      readonly kind: 'stitch';
      /** The folder of the store. */
      readonly root: string;
      readonly wheels: readonly WheelFile[];
      readonly part: WheelPart | undefined;
      readonly environment: Environment;
    }
  | { readonly kind: 'abort' };

export type StitchReply =
  | { readonly kind: 'done'; readonly layer: StitchedLayer }
  | { readonly kind: 'failed'; readonly error: ErrorBody }
  /** Not an error of ours: its text. */
  | { readonly kind: 'broken'; readonly message: string };
