import {
  openRegistryApi,
  type RegistryApi,
} from '../../packages/control/src/server/fixtures/registry-api.ts';
import { transferOptions } from '../../packages/image/src/registry-client/fixtures/push-pull.ts';

/** A registry of this machine that everybody pushes to and pulls from: Galley's own, behind its API. */
export interface BenchRegistry {
  readonly host: string;
  /** A folder with the credentials as Docker's client wants them. */
  readonly dockerConfig: string;
  /** How Galley's client pushes or pulls `name`. */
  options(name: string, phase: 'push' | 'pull'): ReturnType<typeof transferOptions>;
  close(): Promise<void>;
}

export async function openBenchRegistry(): Promise<BenchRegistry> {
  const api: RegistryApi = await openRegistryApi();
  return {
    host: api.host,
    dockerConfig: api.folder,
    options: (name, phase) =>
      transferOptions(`${api.host}/${name}`, phase, {
        credentials: async () => ({ kind: 'password', username: 'ada', password: api.token }),
        authorities: { [api.host]: api.authority },
      }),
    close: () => api.close(),
  };
}
