import { GalleyError } from '@galley/api/error/galley-error';
import type { Egress } from './egress.ts';

/** No door yet: a workload that wants one is refused rather than started without it. */
export function openEgress(): Egress {
  return {
    async open({ workload: { id, egress } }) {
      if (egress.index || egress.hosts.length > 0) {
        throw new GalleyError(
          'ENGINE_FAILED',
          `The workload ${id} wants egress, which this engine cannot give yet.`,
        );
      }
    },
    async close() {},
    async closeAll() {},
  };
}
