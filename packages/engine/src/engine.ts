/**
 * What an engine is: something that runs workloads. Only types live here; adapters (`memory`, `runc`) do not know each
 * other and nothing outside a composition root imports them (DESIGN.md §3).
 */
import type { Readable } from 'node:stream';
import type { Duplex } from 'node:stream';
import type { Digest } from '@galley/api/digest';

/** What to run. Everything a workload may do is written here; what is not written is refused. */
export interface Workload {
  /** A DNS label, at most 63 characters, unique in the engine. */
  readonly id: string;
  /** Whose identity it runs under: decides the host uid. */
  readonly project: string;
  /** Manifest digest of an image in the engine's store. */
  readonly image: Digest;
  /** argv; empty takes the image's entry point and command. */
  readonly command: readonly string[];
  /** Added to the image's environment. Never a secret. */
  readonly env: Readonly<Record<string, string>>;
  /** Default: the image's working directory. */
  readonly workingDir?: string;
  /** `writable` only in build steps: a throw-away upper layer. */
  readonly rootfs: 'readonly' | 'writable';
  /**
   * Only with a writable root, for steps that make a layer (ADR 0085): the process is a user of the image, written as images write it
   * (`1001`, `default`, `0:0`; empty: the image's own), and not the project's. User 0 may do to the image's files what root may, nothing
   * else. /tmp is then a part of the root filesystem, and `changes` tells what was written. Not together with a network group.
   */
  readonly user?: string;
  readonly limits: WorkloadLimits;
  /** Small files put in before the start, by absolute path inside; read-only, at most 64 MiB in all. */
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  /** Secrets, by absolute path inside, on a tmpfs, mode 0440; they never reach argv, logs, labels, the spec's hash or a layer. */
  readonly secrets: Readonly<Record<string, string | Uint8Array>>;
  /** Absolute paths inside that are tmpfs besides /tmp, /run and /dev/shm. They must exist in the image. */
  readonly tmpfs: readonly string[];
  /**
   * Folders and files of the host that it sees, later ones over earlier ones; a place in another's folder exists there. What it makes in them belongs to
   * their owner outside, never with a set-id bit (ADR 0095). Only with the project's user, and only where the engine can: `memory` refuses them.
   */
  readonly folders?: readonly WorkloadFolder[];
  /** Workloads of one group share one network; default: a group of its own. */
  readonly networkGroup?: string;
  /** Ports that `dial` may reach. Port N is the Unix socket /run/galley/N.sock inside. */
  readonly ports: readonly number[];
  readonly egress: WorkloadEgress;
  /** Killed with reason `Timeout` after so long; 0 or absent: never. */
  readonly timeoutMs?: number;
  /** Free facts for people and for reconcilers (application, revision). */
  readonly labels: Readonly<Record<string, string>>;
}

export interface WorkloadLimits {
  readonly memoryBytes: number;
  /** In CPUs: 0.5 is half of one. */
  readonly cpus: number;
  readonly pids: number;
  readonly openFiles: number;
  /** Of everything it writes: upper layer, /galley/out and tmpfs. */
  readonly diskBytes: number;
}

/** A folder or file of the host, inside. Nothing that is mounted below it comes along. */
export interface WorkloadFolder {
  /** Absolute path on the host; its last part is no symlink. */
  readonly source: string;
  /** Absolute path inside. */
  readonly path: string;
  readonly readonly: boolean;
}

export interface WorkloadEgress {
  /** The read-only package index at http://127.0.0.1:3141/simple. */
  readonly index: boolean;
  /** `host:port` reachable through the proxy at http://127.0.0.1:3128. */
  readonly hosts: readonly string[];
}

/** What an engine last saw of a workload. Nothing here is hoped for, everything was observed. */
export interface WorkloadStatus {
  readonly id: string;
  /** Hash of the spec without its secrets: the same id with another hash is a conflict. */
  readonly specHash: string;
  readonly phase: 'pending' | 'starting' | 'running' | 'succeeded' | 'failed' | 'lost';
  /** `NoIsolation`, `OOMKilled`, `Timeout`, `Error`, `Lost`, `ImageMissing`, `ImageDamaged`, `DiskFull`. */
  readonly reason?: string;
  readonly message?: string;
  /** 128 + signal where a signal ended it. */
  readonly exitCode?: number;
  /** RFC 3339. */
  readonly startedAt?: string;
  readonly endedAt?: string;
  /** `host:port` that the egress proxy refused, in order, at most 100. */
  readonly refusedHosts: readonly string[];
  /** `host:port` that it reached through the proxy, in order, at most 100: what it read there is no part of its inputs. */
  readonly reachedHosts: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface LogLine {
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

/** The required part: every adapter has it, and one contract suite proves it. */
export interface Engine {
  /** `memory`, `runc`. */
  readonly name: string;
  /** Starts it if it does not exist. Idempotent by id; another spec under one id throws `WORKLOAD_CONFLICT`. */
  ensure(workload: Workload, signal?: AbortSignal): Promise<WorkloadStatus>;
  /** Undefined: there is no such workload. */
  observe(id: string): Promise<WorkloadStatus | undefined>;
  list(): Promise<readonly WorkloadStatus[]>;
  /** A status each time one changes, starting with all there are. Ends when the signal fires. */
  watch(signal: AbortSignal): AsyncIterable<WorkloadStatus>;
  /** SIGTERM, then after `graceMs` everything of it is killed and removed. Idempotent. */
  remove(id: string, graceMs: number): Promise<void>;
  /** Lines in order; `follow` goes on until the workload ends or the signal fires. `since`: RFC 3339, exclusive. */
  logs(
    id: string,
    options?: { follow?: boolean; since?: string; signal?: AbortSignal },
  ): AsyncIterable<LogLine>;
  /** A byte stream to port N of a running workload. Throws `DIAL_REFUSED` when it does not listen, is a symlink or no socket. */
  dial(id: string, port: number | 'admin'): Promise<Duplex>;
  /** A tar stream of /galley/out: regular files, directories and symlinks only, names relative. The content is hostile. */
  output(id: string): Promise<Readable>;
  /**
   * Of an ended workload that had a `user`: what it changed in its root filesystem, as a tar in the form of an image layer. Files, directories
   * and symlinks with the owners that the image sees and all twelve bits of their modes; what was removed as `.wh.NAME`, what hides
   * everything below as `.wh..wh..opq`. Nothing that the engine itself put in. The content is hostile. Throws `OUTPUT_REFUSED` as the stream goes.
   */
  changes?(id: string): Promise<Readable>;
  /** The path of a socket for a process that outlives us (the gateway); undefined where the engine has none. */
  socketPath?(id: string, port: number): string;
  /** The eight things of MISSION.md S2 as the kernel shows them for the running process. */
  inspect?(id: string): Promise<WorkloadInspection>;
  usage?(id: string): Promise<WorkloadUsage>;
  /** Files that the workload took from the package index, in order, each whole. */
  fetched?(id: string): Promise<readonly FetchedFile[]>;
  /** Why this machine cannot isolate, with the command that mends it; undefined: it can. */
  isolation(): Promise<{ readonly tier: string; readonly missing?: string; readonly fix?: string }>;
  /** Lets go of what this process holds (watchers, proxies). Workloads go on. */
  close(): Promise<void>;
}

/** MISSION.md S2: executable, arguments, environment, virtual memory, file handles, root filesystem, process table, network routes. */
export interface WorkloadInspection {
  readonly executable: string;
  readonly arguments: readonly string[];
  /** Values of names that look like secrets are redacted. */
  readonly environment: Readonly<Record<string, string>>;
  readonly memory: {
    readonly virtualBytes: number;
    readonly residentBytes: number;
    readonly limitBytes: number;
  };
  readonly files: { readonly open: number; readonly limit: number; readonly sample: readonly string[] };
  readonly root: {
    readonly readonly: boolean;
    readonly layers: readonly string[];
    readonly mounts: readonly string[];
  };
  readonly processes: readonly { readonly pid: number; readonly uid: number; readonly command: string }[];
  readonly network: {
    readonly interfaces: readonly string[];
    readonly routes: readonly string[];
    readonly egress: readonly string[];
  };
  /** What keeps it in: namespaces, capabilities, seccomp mode, no_new_privs, uid map. */
  readonly isolation: Readonly<Record<string, string>>;
}

/** A file from the package index, by its content. */
export interface FetchedFile {
  readonly project: string;
  readonly filename: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface WorkloadUsage {
  readonly memoryBytes: number;
  readonly memoryPeakBytes: number;
  readonly cpuMs: number;
  readonly restarts: number;
  readonly oomKills: number;
}
