import { openLayoutStore } from './layout-store.ts';
import { wheelLayers } from './wheel/wheel-layers.ts';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
rmSync('/tmp/image-try', { recursive: true, force: true });
rmSync('/tmp/image-cache', { recursive: true, force: true });
const store = await openLayoutStore('/tmp/image-try', { wipe: true });
const wheels = readdirSync('/tmp/image-wheels').filter(n=>n.endsWith('.whl')).map((n) => ({ path: '/tmp/image-wheels/' + n, sha256: createHash('sha256').update(readFileSync('/tmp/image-wheels/' + n)).digest('hex') }));
for (const i of [1, 2]) {
let t0 = performance.now();
const l = await wheelLayers(store, wheels, { prefix: '/opt/galley/env', pythonVersion: '3.11', cacheDir: '/tmp/image-cache', createdBy: 'x', threads: Number(process.argv[2] ?? 2) });
console.log(l.length, performance.now() - t0, l.reduce((s, x) => s + x.descriptor.size, 0), l.reduce((s, x) => s + x.tarBytes, 0));
if (i === 1) console.log(l.map((x) => `${x.descriptor.size} ${x.createdBy.slice(0, 80)}`));
}
