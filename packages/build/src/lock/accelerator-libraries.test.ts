import { describe, expect, it } from 'vitest';
import { acceleratorWarnings } from './accelerator-libraries.ts';
import type { LockedWheel } from './lock.ts';

const wheel = (name: string, version = '1.0', size = 200_000_000): LockedWheel => ({
  name,
  version,
  filename: `${name}-${version}-py3-none-any.whl`,
  sha256: '0'.repeat(64),
  size,
  url: '',
});

describe('libraries for accelerators', () => {
  it('are told with their size, and with what to ask for in place of what brings them', () => {
    const wheels = [
      wheel('nvidia-cublas', '13.4'),
      wheel('nvidia-nccl-cu13', '2.30'),
      wheel('torch', '2.15.0'),
    ];
    const [warning] = acceleratorWarnings({ wheels, serving: wheels.map(({ name }) => name) });
    expect(warning).toMatch(/^torch 2\.15\.0 brings 400(?:\.0)? MB of libraries for accelerators/);
    expect(warning).toContain('--allow-index');
    const boosted = [wheel('nvidia-nccl-cu12'), wheel('xgboost', '3.4.1')];
    expect(acceleratorWarnings({ wheels: boosted, serving: boosted.map(({ name }) => name) })[0]).toContain(
      'xgboost-cpu',
    );
  });

  it('are no matter where there are none, or only the notebook has them', () => {
    const wheels = [wheel('torch', '2.15.0+cpu'), wheel('nvidia-cublas')];
    expect(acceleratorWarnings({ wheels, serving: ['torch'] })).toEqual([]);
    expect(acceleratorWarnings({ wheels: [wheel('numpy')], serving: ['numpy'] })).toEqual([]);
  });
});
