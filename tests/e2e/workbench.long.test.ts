import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LayerRecord } from '@galley/build/build';
import { buildWorkbench } from '@galley/build/build-workbench';
import type { WorkloadStatus } from '@galley/engine/engine';
import { fileURLToPath } from 'node:url';
import { openBuildHome, type BuildHome } from './build-home.ts';

let home: BuildHome;
beforeAll(async () => {
  home = await openBuildHome();
});
afterAll(() => home.dispose());

const iris = fileURLToPath(new URL('../../examples/iris', import.meta.url));

/** As under plain Docker: no socket folder, a port, a token in the environment. Asks the server as a client would, and says what it heard. */
const asUnderDocker = `
export PORT=8899 JUPYTER_TOKEN=s3cret GALLEY_LAB_DIR=/tmp/kept
unset GALLEY_SOCKET_DIR
/opt/galley/runtime/bin/galley-runtime lab &
exec /usr/bin/python3 - <<'END'
import json, os, time, urllib.error, urllib.request
def ask(path, token="s3cret"):
    request = urllib.request.Request("http://127.0.0.1:8899" + path, headers={"Authorization": "token " + token})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code
for _ in range(1800):
    try: print("version", ask("/api")["version"].split(".")[0]); break
    except OSError: time.sleep(0.1)
print("without the token", ask("/api/contents", "wrong"))
print("files", [item["name"] for item in ask("/api/contents")["content"]])
print("kernels", list(ask("/api/kernelspecs")["kernelspecs"]))
print("user", os.getuid() > 1_000_000, os.getgid())
END
`;

test(
  'a workbench has the layers of the service image, and runs where there is no Galley',
  { timeout: 1_800_000 },
  async () => {
    const service = await home.build(iris, { name: 'iris' });
    const workbench = await buildWorkbench(
      { kind: 'directory', path: iris, include: [] },
      {
        name: 'iris',
        project: 'tests',
        notebooks: [],
        python: '',
        egressHosts: [],
        secrets: [],
        reveal: (name) => {
          throw new Error(`the test has no secret ${name}`);
        },
      },
      home.context,
    );
    const digests = (layers: readonly LayerRecord[]): readonly string[] =>
      layers
        .filter(({ role }) => ['base', 'dependencies', 'runtime', 'code'].includes(role))
        .map(({ role, digest }) => `${role} ${digest}`);
    expect(digests(workbench.layers)).toEqual(digests(service.layers));
    expect(workbench.lockDigest).toBe(service.lockDigest);

    const { engine } = home;
    await engine.ensure({
      id: 'docker',
      project: 'tests',
      image: workbench.image,
      command: ['/bin/sh', '-c', asUnderDocker],
      env: {},
      rootfs: 'readonly',
      limits: { memoryBytes: 2 * 1024 ** 3, cpus: 2, pids: 512, openFiles: 4096, diskBytes: 1024 ** 3 },
      files: {},
      secrets: {},
      tmpfs: [],
      ports: [],
      egress: { index: false, hosts: [] },
      labels: {},
      timeoutMs: 600_000,
    });
    let status: WorkloadStatus | undefined;
    for await (status of engine.watch(new AbortController().signal))
      if (status.id === 'docker' && status.phase !== 'running' && status.phase !== 'starting') break;
    const said: string[] = [];
    for await (const { stream, text } of engine.logs('docker')) if (stream === 'stdout') said.push(text);
    expect(said, JSON.stringify(status)).toEqual([
      'version 2',
      'without the token 403',
      "files ['iris.ipynb']",
      "kernels ['python3']",
      'user True 0',
    ]);
  },
);
