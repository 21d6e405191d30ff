import { chownSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openRuncUnderTest, runcUnavailable, type RuncUnderTest } from '../../contract/runc-under-test.ts';
import type { Workload, WorkloadFolder, WorkloadStatus } from '../../engine.ts';

const unavailable = runcUnavailable();
const owner = { uid: 12_345, gid: 54_321 };

describe.skipIf(unavailable !== undefined)(`a folder of the host (${unavailable ?? 'runc'})`, () => {
  let under: RuncUnderTest;
  let folder: string;
  beforeAll(async () => {
    under = await openRuncUnderTest();
  });
  afterAll(async () => under.dispose());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'galley-folder-'));
    chownSync(folder, owner.uid, owner.gid);
    writeFileSync(join(folder, 'a.txt'), 'from outside');
    chownSync(join(folder, 'a.txt'), owner.uid, owner.gid);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const give = (more: Partial<WorkloadFolder> = {}): WorkloadFolder => ({
    source: folder,
    path: '/home/galley/app',
    readonly: false,
    ...more,
  });

  /** Runs to the end, removes it, and gives what it said. */
  async function run(source: string, folders: readonly WorkloadFolder[]): Promise<string[]> {
    const { status, lines } = await end(under.workload('folder', source, { folders }));
    expect(status, [status.message, ...lines].join('\n')).toMatchObject({ phase: 'succeeded' });
    return lines;
  }

  async function end(workload: Workload): Promise<{ status: WorkloadStatus; lines: string[] }> {
    const { engine } = under;
    await engine.ensure(workload);
    const lines: string[] = [];
    let status = await engine.observe(workload.id);
    for await (status of engine.watch(AbortSignal.timeout(50_000)))
      if (status.id === workload.id && ['succeeded', 'failed', 'lost'].includes(status.phase)) break;
    for await (const { text } of engine.logs(workload.id)) lines.push(text);
    await engine.remove(workload.id, 0);
    if (status === undefined) throw new Error('it was never there');
    return { status, lines };
  }

  test('what is made there belongs to its owner outside, and what is there can be changed', async () => {
    const lines = await run(
      `import os
os.chdir("/home/galley/app")
print(open("a.txt").read(), os.stat("a.txt").st_uid == os.getuid(), os.stat("a.txt").st_gid)
open("a.txt", "w").write("from inside")
os.mkdir("made"); open("made/b.txt", "w").write("new")`,
      [give()],
    );
    expect(lines).toEqual(['from outside True 0']);
    expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('from inside');
    for (const name of ['a.txt', 'made', 'made/b.txt'])
      expect(lstatSync(join(folder, name))).toMatchObject(owner);
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(folder);
    expect(await readdir(folder)).toEqual(['a.txt', 'made']);
  });

  test('what belongs to somebody else is nobody’s: it is read as its mode says, and not written', async () => {
    writeFileSync(join(folder, 'of-root'), 'root', { mode: 0o666 });
    writeFileSync(join(folder, 'private'), 'root', { mode: 0o600 });
    const lines = await run(
      `import os
os.chdir("/home/galley/app")
def attempt(name, how):
    try: return open(name, how).read()
    except OSError as error: return type(error).__name__
print(attempt("of-root", "r"), attempt("of-root", "r+"), attempt("private", "r"))`,
      [give()],
    );
    expect(lines).toEqual(['root PermissionError PermissionError']);
  });

  test('a part of it can be shut, and a renaming does not get around that', async () => {
    mkdirSync(join(folder, '.git'));
    writeFileSync(join(folder, '.git', 'config'), 'as it was');
    const lines = await run(
      `import os
os.chdir("/home/galley/app")
for name, attempt in {
    "write": lambda: open(".git/config", "w"),
    "make": lambda: open(".git/hook", "w"),
    "rename": lambda: os.rename(".git", "git"),
    "replace": lambda: os.rename("other", ".git"),
}.items():
    os.makedirs("other", exist_ok=True)
    try: attempt(); print(name, "done")
    except OSError as error: print(name, error.strerror)`,
      [give(), give({ source: join(folder, '.git'), path: '/home/galley/app/.git', readonly: true })],
    );
    expect(lines.map((line) => line.split(' ').slice(1).join(' '))).not.toContain('done');
    expect(lines).toHaveLength(4);
    expect(readFileSync(join(folder, '.git', 'config'), 'utf8')).toBe('as it was');
  });

  test('no file gets a set-id bit there, by no call', async () => {
    const lines = await run(
      `import ctypes, os, stat, struct
os.chdir("/home/galley/app"); os.umask(0)
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0: raise OSError(ctypes.get_errno(), "refused")
def made(name): return os.open(name, os.O_CREAT | os.O_RDWR, 0o755)
machine = os.uname().machine
attempts = {
    "chmod": lambda: os.chmod("a.txt", 0o4755),
    "setgid": lambda: os.chmod("a.txt", 0o2755),
    "both": lambda: os.chmod("a.txt", 0o6755),
    "fchmod": lambda: os.fchmod(made("fchmod"), 0o4755),
    "open": lambda: os.open("open", os.O_CREAT | os.O_WRONLY, 0o4755),
    "tmpfile": lambda: os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o4755),
    "mknod": lambda: os.mknod("mknod", stat.S_IFREG | 0o4755),
    "openat2": lambda: call(437, -100, b"openat2", struct.pack("QQQ", os.O_CREAT | os.O_WRONLY, 0o4755, 0), 24),
    "fchmodat2": lambda: call(452, -100, b"a.txt", 0o4755, 0),
    "creat": lambda: call(85, b"creat", 0o4755) if machine == "x86_64" else os.open("creat", os.O_CREAT, 0o4755),
    "io_uring": lambda: call(425, 1, b"\\0" * 120),
}
for name, attempt in attempts.items():
    try: attempt(); print(name, "done")
    except OSError as error: print(name, "refused")
os.chmod("a.txt", 0o755); os.close(made("plain")); open("copy", "w").close()
print("plain", oct(os.stat("a.txt").st_mode & 0o7777))`,
      [give()],
    );
    expect(lines.filter((line) => line.endsWith('done'))).toEqual([]);
    expect(lines).toHaveLength(12);
    expect(lines.at(-1)).toBe('plain 0o755');
    for (const name of await readdir(folder)) expect(lstatSync(join(folder, name)).mode & 0o6000).toBe(0);
  });

  test('a link in the place of the folder, and a filesystem that maps no owners, are refused by name', async () => {
    await symlink('/etc', join(folder, 'link'));
    for (const [source, words] of [
      [join(folder, 'link'), 'is no folder'],
      [join(folder, 'missing'), 'is no folder'],
      ['/proc/self', 'is no folder'],
      ['/proc/1', 'owners cannot be mapped'],
    ] as const) {
      const { status } = await end(under.workload('refused', '', { folders: [give({ source })] }));
      expect(status).toMatchObject({ phase: 'failed' });
      expect(status.message).toContain(words);
    }
    await expect(
      under.engine.ensure(under.workload('user', '', { folders: [give()], user: '0', rootfs: 'writable' })),
    ).rejects.toMatchObject({ code: 'WORKLOAD_INVALID' });
  });
});
