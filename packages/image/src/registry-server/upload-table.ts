import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Lease } from '../lease/lease.ts';
import type { PendingBlob } from '../layout/pending-blob.ts';
import type { ImageStore } from '../store.ts';

/** Uploads at once; each holds a file and a mebibyte of memory. */
const uploadsMax = 64;
/** A blob larger than this is no layer that an engine could unpack. */
const blobBytesMax = 64 * 1024 ** 3;
/** An upload that nobody touched for so long is given up. */
const idleMs = 60 * 60_000;

/** What the lease of pushes is for. */
export const uploadsPurpose = 'uploads';

/** One upload under way. */
export interface Upload {
  readonly id: string;
  readonly repository: string;
  readonly pending: PendingBlob;
  lastMs: number;
  /** A request is writing to it. */
  busy: boolean;
}

/** The outcome of a piece. */
export type Appended = 'ok' | 'busy' | 'too-large' | 'broken-off';

/**
 * Uploads by their id, in memory: a hash cannot be saved in the middle (engine.md §4), so a restart forgets them and clients begin again,
 * which the specification lets them do.
 */
export class UploadTable {
  readonly #store: ImageStore;
  readonly #now: () => number;
  readonly #uploads = new Map<string, Upload>();
  #lease: Promise<Lease> | undefined;
  #leaseEnd: NodeJS.Timeout | undefined;

  constructor(store: ImageStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** Undefined: too many are under way. */
  async begin(repository: string): Promise<Upload | undefined> {
    await this.#expire();
    if (this.#uploads.size >= uploadsMax) return undefined;
    await this.#hold();
    const pending = await this.#store.begin();
    const upload = { id: randomUUID(), repository, pending, lastMs: this.#now(), busy: false };
    this.#uploads.set(upload.id, upload);
    return upload;
  }

  /** Undefined: there is none of this id in this repository. */
  find(repository: string, id: string): Upload | undefined {
    const upload = this.#uploads.get(id);
    return upload?.repository === repository ? upload : undefined;
  }

  /** Adds a body. One that breaks off leaves what had come, so that the client may go on from there. Throws `DISK_FULL`. */
  async append(upload: Upload, body: Readable): Promise<Appended> {
    if (upload.busy) return 'busy';
    upload.busy = true;
    try {
      for await (const piece of body) {
        const chunk = piece as Buffer; // a request without an encoding gives buffers
        if (upload.pending.size + chunk.byteLength > blobBytesMax) {
          await this.cancel(upload);
          return 'too-large';
        }
        await upload.pending.add(chunk);
        upload.lastMs = this.#now();
      }
      return 'ok';
    } catch (error) {
      if (body.errored === null && !body.readableAborted) throw error;
      return 'broken-off';
    } finally {
      upload.busy = false;
    }
  }

  /** It is a blob now, or nothing: no longer an upload. */
  forget(upload: Upload): void {
    this.#uploads.delete(upload.id);
  }

  async cancel(upload: Upload): Promise<void> {
    this.forget(upload);
    await upload.pending.discard();
  }

  /** Gives all of them up. */
  async close(): Promise<void> {
    clearTimeout(this.#leaseEnd);
    await (await this.#lease)?.release();
    await Promise.all([...this.#uploads.values()].map((upload) => this.cancel(upload)));
  }

  /**
   * One lease for as long as anybody uploads, and an hour more: the blobs of a push come one after the other and nothing leads to them until the
   * manifest, which is last.
   */
  async #hold(): Promise<void> {
    clearTimeout(this.#leaseEnd);
    this.#lease ??= this.#store.lease(uploadsPurpose);
    this.#leaseEnd = setTimeout(() => {
      if ([...this.#uploads.values()].some((upload) => !this.#isIdle(upload))) {
        void this.#hold();
        return;
      }
      const lease = this.#lease;
      this.#lease = undefined;
      // A lease that cannot be given back keeps blobs for longer, nothing worse.
      lease?.then((held) => held.release()).catch(() => undefined);
    }, idleMs).unref();
    await this.#lease;
  }

  #isIdle(upload: Upload): boolean {
    return this.#now() - upload.lastMs >= idleMs;
  }

  async #expire(): Promise<void> {
    const old = [...this.#uploads.values()].filter((upload) => !upload.busy && this.#isIdle(upload));
    await Promise.all(old.map((upload) => this.cancel(upload)));
  }
}
