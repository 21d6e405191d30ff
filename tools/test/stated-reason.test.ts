import { expect, test } from 'vitest';
import { statedReason } from './stated-reason.ts';

test.each([
  ['umoci unpacks the image (skipped without umoci or root)', 'skipped without umoci or root'],
  ['signatures (skipped without cosign) > cosign verifies ours', 'skipped without cosign'],
  ['an old registry (distribution 2.8) takes our images', undefined],
  ['no parentheses > at all', undefined],
])('%s is skipped because: %s', (name, reason) => {
  expect(statedReason(name)).toBe(reason);
});
