import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLayoutStore } from '@galley/image/layout-store';
import { wheelLayers } from '@galley/image/wheel/wheel-layers';
import { environment, type Wheel } from './wheels.ts';

/** `node pack-alone.ts FOLDER`: makes the layers of the wheels in FOLDER/wheels.json and prints time and memory as JSON. */
const folder = process.argv[2] ?? '.';
// Written by the benchmark that started this process.
const wheels = JSON.parse(readFileSync(join(folder, 'wheels.json'), 'utf8')) as Wheel[];
const store = await openLayoutStore(join(folder, 'store'), { wipe: true });
const start = performance.now();
const layers = await wheelLayers(store, wheels, {
  ...environment,
  cacheDir: join(folder, 'cache'),
  createdBy: 'bench',
});
const ms = performance.now() - start;
const bytes = layers.reduce((sum, layer) => sum + layer.tarBytes, 0);
// Kilobytes, on every platform (node:process, resourceUsage).
const resident = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ ms, layers: layers.length, tarBytes: bytes, residentBytes: resident }));
