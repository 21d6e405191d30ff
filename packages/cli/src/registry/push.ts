import { formatBytes } from '@galley/api/kind/quantity';
import type { Digest } from '@galley/api/digest';
import { pushImage, type PushReport } from '@galley/image/registry-client/push-image';
import { parseReference } from '@galley/image/registry-client/reference';
import type { ImageStore } from '@galley/image/store';
import type { Context, Input } from '../command/command.ts';
import { chunkOption, registryOptions } from './registry-options.ts';

/** Pushes an image of the store to where `target` says, with what the flags say. */
export async function pushTo(
  target: string,
  image: { readonly store: ImageStore; readonly digest: Digest },
  input: Input,
  context: Context,
): Promise<PushReport> {
  const reference = parseReference(target);
  const options = await registryOptions(input, context);
  const startedMs = context.now();
  const progress = { emit: context.emit, object: `image/${target}`, phase: 'push' } as const;
  const report = await pushImage(image.store, image.digest, {
    ...options,
    reference,
    chunkBytes: chunkOption(input),
    ...(input.options['referrers'] === false ? { referrers: new Set<string>() } : {}),
    progress,
  });
  const elapsedMs = context.now() - startedMs;
  context.emit({
    object: progress.object,
    phase: 'push',
    step: target,
    state: report.sentBytes === 0 ? 'skipped' : 'done',
    unit: 'bytes',
    done: report.sentBytes,
    elapsedMs,
    ...(report.sentBytes === 0 ? { reason: 'the registry has every blob' } : {}),
  });
  return report;
}

/** A push for people. */
export function describePush(report: PushReport): string {
  const { known, mounted, uploaded } = report.blobs;
  const parts = [
    `${uploaded} sent (${formatBytes(report.sentBytes)} of ${formatBytes(report.totalBytes)})`,
    `${mounted} taken from another repository`,
    `${known} there already`,
  ];
  const referrers = report.referrers === 0 ? '' : `\nAlong with it: ${report.referrers} that refer to it`;
  return `Pushed ${report.reference}\nDigest ${report.digest}\nBlobs  ${parts.join(', ')}${referrers}`;
}
