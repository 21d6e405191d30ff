import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planWheelLayers } from './plan-wheel-layers.ts';
import type { WheelFile } from './wheel-fault.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'galley-plan-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function wheel(name: string, bytes: number): WheelFile {
  const path = join(folder, `${name}-1.0-py3-none-any.whl`);
  writeFileSync(path, '');
  truncateSync(path, bytes);
  return { path, sha256: createHash('sha256').update(name).digest('hex') };
}

const small = Array.from({ length: 60 }, (_, number) => `small${number}`);

test('large wheels lie alone, small ones in at most eight layers, and the order of the lock does not matter', async () => {
  const wheels = [
    wheel('scipy', 30 << 20),
    wheel('numpy', 15 << 20),
    ...small.map((name) => wheel(name, 1000)),
  ];
  const groups = await planWheelLayers(wheels);
  expect(
    groups.slice(0, 2).map((group) => group.wheels.map(({ path }) => basename(path).split('-')[0])),
  ).toEqual([['numpy'], ['scipy']]);
  expect(groups.length).toBeLessThanOrEqual(10);
  expect(groups.flatMap((group) => group.wheels)).toHaveLength(62);
  expect(await planWheelLayers(wheels.toReversed())).toEqual(groups);
});

test('one more small package changes one layer and leaves the others', async () => {
  const wheels = small.map((name) => wheel(name, 1000));
  const keys = async (list: readonly WheelFile[]): Promise<string[]> =>
    (await planWheelLayers(list)).map((group) => JSON.stringify(group.wheels));
  const before = new Set(await keys(wheels));
  const after = await keys([...wheels, wheel('another', 1000)]);
  expect(after.filter((key) => !before.has(key))).toHaveLength(1);
});

test('more large wheels than layers: the largest keep their own', async () => {
  const wheels = Array.from({ length: 50 }, (_, number) => wheel(`big${number}`, (2 << 20) + number));
  const groups = await planWheelLayers(wheels, { layersMax: 20 });
  expect(groups.length).toBeLessThanOrEqual(20);
  expect(groups.filter((group) => group.wheels.length === 1).length).toBeGreaterThanOrEqual(12);
});

test('a wheel that is larger than a layer should be becomes several, by itself alone', async () => {
  const torch = wheel('torch', 700e6);
  const groups = await planWheelLayers([torch, wheel('numpy', 15 << 20)]);
  expect(groups.map(({ wheels: [one], part }) => [basename(one?.path ?? '').split('-')[0], part])).toEqual([
    ['numpy', undefined],
    ['torch', { index: 0, of: 3 }],
    ['torch', { index: 1, of: 3 }],
    ['torch', { index: 2, of: 3 }],
  ]);
  expect((await planWheelLayers([torch])).map(({ part }) => part)).toEqual(
    groups.slice(1).map(({ part }) => part),
  );
});

test('many huge wheels have larger parts rather than more layers than an image may have', async () => {
  const wheels = Array.from({ length: 40 }, (_, number) => wheel(`nvidia${number}`, 3e9));
  const groups = await planWheelLayers(wheels);
  expect(groups.length).toBeLessThanOrEqual(64);
  const owned = groups.filter(({ wheels: [one] }) => one?.sha256 === wheels[0]?.sha256);
  expect(owned.reduce((sum, group) => sum + group.bytes, 0)).toBeGreaterThanOrEqual(3e9);
});
