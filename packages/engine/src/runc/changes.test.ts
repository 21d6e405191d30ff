import { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import { readImage } from '@galley/image/assemble/read-image';
import { buildLayer } from '@galley/image/layer/build-layer';
import { directoryEntry, fileEntry } from '@galley/image/tar/entry';
import type { Digest } from '@galley/api/digest';
import { openRuncUnderTest, runcUnavailable, type RuncUnderTest } from '../contract/runc-under-test.ts';
import { testPython } from '../contract/test-image.ts';
import type { Workload, WorkloadStatus } from '../engine.ts';

const unavailable = runcUnavailable();

interface Changed {
  readonly header: Header;
  readonly content: string;
}

describe.skipIf(unavailable !== undefined)(
  `a step that makes a layer (${unavailable ?? 'runc'})`,
  { timeout: 60_000 },
  () => {
    let under: RuncUnderTest;
    let image: Digest;

    beforeAll(async () => {
      under = await openRuncUnderTest();
      const base = await readImage(under.store, under.image);
      const layer = await buildLayer(
        under.store,
        [
          fileEntry(
            'etc/passwd',
            'root:x:0:0:root:/root:/bin/sh\napp:x:1001:0::/srv/app:/bin/sh\nguest:x:1002:50::/:/bin/sh\n',
          ),
          fileEntry('etc/group', 'root:x:0:\nguests:x:50:\ndata:x:60:guest,app\n'),
          { ...directoryEntry('srv/app', 0o775), uid: 1001 },
          fileEntry('srv/app/old.txt', 'old'),
          directoryEntry('srv/app/cache', 0o775),
          fileEntry('srv/app/cache/kept-below', 'x'),
          fileEntry('tmp/src/input.txt', 'input'),
          directoryEntry('tmp', 0o1777),
        ],
        { createdBy: 'test' },
      );
      image = (await assembleImage(under.store, { base, layers: [layer], config: { User: 'app' } })).digest;
    });
    afterAll(async () => under?.dispose());

    const run = async (id: string, source: string, more: Partial<Workload> = {}): Promise<WorkloadStatus> => {
      const { engine } = under;
      await engine.ensure(
        // -B: bytecode that root writes beside the library would be a change too.
        under.workload(id, source, {
          image,
          rootfs: 'writable',
          user: '',
          command: [testPython, '-B', '-I', '-c', source],
          ...more,
        }),
      );
      for await (const status of engine.watch(AbortSignal.timeout(50_000)))
        if (status.id === id && ['succeeded', 'failed', 'lost'].includes(status.phase)) return status;
      throw new Error(`${id} did not end`);
    };
    const said = async (id: string): Promise<string> => {
      let text = '';
      for await (const line of under.engine.logs(id)) text += `${line.text}\n`;
      return text;
    };
    const changesOf = async (id: string): Promise<ReadonlyMap<string, Changed>> => {
      const changes = new Map<string, Changed>();
      const reader = extract();
      const source: Readable | undefined = await under.engine.changes?.(id);
      source?.on('error', (error) => reader.destroy(error));
      source?.pipe(reader);
      for await (const entry of reader) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of entry as AsyncIterable<Uint8Array>) chunks.push(chunk);
        changes.set(entry.header.name, { header: entry.header, content: Buffer.concat(chunks).toString() });
      }
      return changes;
    };

    test('it runs as the user of the image, and what it changed comes out as a layer', async () => {
      const source = `
import os, shutil, stat
print(os.getuid(), os.getgid(), sorted(os.getgroups()), os.environ["HOME"], oct(os.umask(0o22)))
open("/srv/app/new.txt", "w").write(open("/tmp/src/input.txt").read())
os.chmod("/srv/app/new.txt", 0o4755)
os.unlink("/srv/app/old.txt")
shutil.rmtree("/srv/app/cache"); os.mkdir("/srv/app/cache"); open("/srv/app/cache/fresh", "w").close()
os.symlink("/etc/shadow", "/srv/app/link")
os.mkfifo("/srv/app/fifo")
open("/galley/out/result", "w").write(open("/galley/in/note").read() + open("/srv/secret", encoding="latin-1").read())
open("/tmp/scratch", "w").write("x")
`;
      const status = await run('step', source, {
        files: { '/galley/in/note': 'note ' },
        secrets: { '/srv/secret': new Uint8Array([0x61, 0xff]) },
      });
      expect([status.phase, await said('step')]).toEqual(['succeeded', '1001 0 [60] /srv/app 0o22\n']);
      const changes = await changesOf('step');
      expect([...changes.keys()]).toEqual([
        'srv',
        'srv/app',
        'srv/app/cache',
        'srv/app/cache/.wh..wh..opq',
        'srv/app/cache/fresh',
        'srv/app/link',
        'srv/app/new.txt',
        'srv/app/.wh.old.txt',
        'tmp',
        'tmp/scratch',
      ]);
      expect(changes.get('srv/app/new.txt')).toMatchObject({
        content: 'input',
        header: { mode: 0o4755, uid: 1001, gid: 0, type: 'file' },
      });
      expect(changes.get('srv/app')?.header).toMatchObject({ mode: 0o775, uid: 1001, gid: 0 });
      expect(changes.get('srv/app/link')?.header).toMatchObject({ type: 'symlink', linkname: '/etc/shadow' });
    });

    test('root of the image may own and take over, and still has nothing of the host', async () => {
      const source = `
import os, subprocess, sys
os.makedirs("/etc/made"); os.chown("/etc/made", 33, 34)
child = os.fork()
if child == 0:
    os.setgid(34); os.setuid(33); open("/etc/made/by-33", "w").close(); os._exit(0)
assert os.waitpid(child, 0)[1] == 0
def refused(what, act):
    try: act()
    except OSError as error: print(what, "refused")
    else: print(what, "WORKED")
refused("device", lambda: os.mknod("/etc/device", 0o20666, os.makedev(1, 3)))
refused("chroot", lambda: os.chroot("/etc"))
refused("kernel setting", lambda: open("/proc/sys/kernel/hostname", "w").write("x"))
refused("namespace", lambda: os.unshare(0x10000000) if hasattr(os, "unshare") else (_ for _ in ()).throw(OSError()))
print([line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapBnd", "NoNewPrivs", "Seccomp:"))])
print(open("/proc/self/uid_map").read().split()[1:])
`;
      await run('root', source, { user: '0' });
      const text = await said('root');
      expect(text).not.toContain('WORKED');
      // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID; no new privileges; a filter; the image's ids and nobody else's.
      expect(text).toContain("['00000000000000fb', '00000000000000fb', '1', '2']");
      expect(text).toContain("['1200000000', '65536']");
      const changes = await changesOf('root');
      expect(changes.get('etc/made')?.header).toMatchObject({ uid: 33, gid: 34 });
      expect(changes.get('etc/made/by-33')?.header).toMatchObject({ uid: 33, gid: 34 });
      expect([...changes.keys()].filter((path) => !path.startsWith('etc'))).toEqual([]);
    });

    test('a step that changes nothing leaves an empty layer, whatever the engine put in', async () => {
      await run('idle', 'import os; os.listdir("/tmp")', {
        files: { '/galley/in/a/b': 'x', '/srv/app/placed': 'y' },
        secrets: { '/srv/app/secret/key': 's', '/run/secrets/key': 's' },
      });
      expect([...(await changesOf('idle')).keys()]).toEqual([]);
    });

    test('a group may be named, a user that the image lacks is refused', async () => {
      await run('guest', 'import os; print(os.getuid(), os.getgid(), os.getgroups())', { user: 'guest' });
      expect(await said('guest')).toBe('1002 50 [60]\n');
      await run('named', 'import os; print(os.getuid(), os.getgid())', { user: '4711:data' });
      expect(await said('named')).toBe('4711 60\n');
      const absent = await run('absent', 'print("ran")', { user: 'nobody-here' });
      expect(absent).toMatchObject({ phase: 'failed', reason: 'ImageMissing' });
      expect(absent.message).toContain('nobody-here');
    });

    test.each([
      ['a name that would mean a removal', 'open("/srv/app/.wh.old.txt", "w").close()', /\.wh\.old\.txt/],
      ['a name that is not UTF-8', 'open(b"/srv/app/caf\\xe9", "w").close()', /UTF-8/],
      [
        'a tree that is too deep',
        'import os\nfor _ in range(300): os.mkdir("d"); os.chdir("d")',
        /deep|longer/,
      ],
    ])('%s is refused by name', async (name, source, message) => {
      const id = `refused-${name.length}`;
      await run(id, source, { workingDir: '/srv/app' });
      await expect(changesOf(id)).rejects.toThrow(message);
    });

    test('changes are told of steps only, and steps only where they are safe', async () => {
      const { engine } = under;
      const plain = under.workload('plain', 'print(1)');
      await engine.ensure(plain);
      await expect(engine.changes?.('plain')).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
      for (const wrong of [{ rootfs: 'readonly' }, { networkGroup: 'shared' }, { user: '../x' }] as const) {
        const workload = { ...plain, id: 'wrong', rootfs: 'writable', user: '', ...wrong } as const;
        await expect(engine.ensure(workload)).rejects.toMatchObject({ code: 'WORKLOAD_INVALID' });
      }
    });
  },
);
