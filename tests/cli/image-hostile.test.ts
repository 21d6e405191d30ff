import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assembleImage } from '../../packages/image/src/assemble/assemble-image.ts';
import { buildLayer } from '../../packages/image/src/layer/build-layer.ts';
import { openLayoutStore } from '../../packages/image/src/layout-store.ts';
import { fileEntry } from '../../packages/image/src/tar/entry.ts';
import { galley } from './galley.ts';

/** Clears the screen of whoever lets it through. */
const clear = '\u001b[2J';
let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'galley-cli-hostile-'));
  const store = await openLayoutStore(join(home, 'images'));
  for (const version of ['1', '2']) {
    const metadata = `Name: evil${clear}\nVersion: ${version}${clear}\n`;
    const layer = await buildLayer(store, [fileEntry('usr/evil.dist-info/METADATA', metadata)], {
      createdBy: `made${clear}`,
    });
    const image = await assembleImage(store, {
      layers: [layer],
      config: {
        User: clear,
        WorkingDir: `/${clear}`,
        Cmd: [`serve${version}${clear}`],
        Env: [`A${clear}=${version}`],
        Labels: { [`label${clear}`]: version },
      },
    });
    await store.tag(`evil:${version}`, image.digest);
  }
});
afterAll(() => rm(home, { recursive: true, force: true }));

test.each(['image diff evil:1 evil:2', 'image inspect evil:1', 'image why evil:1'])(
  'what an image says of itself does not reach the terminal as it is: %s',
  async (line) => {
    const { stdout } = await galley(line.split(' '), { home });
    expect(stdout).toContain('\\x1b[2J');
    expect(stdout).not.toContain('\u001b');
  },
);
