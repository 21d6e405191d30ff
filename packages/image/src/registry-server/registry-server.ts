import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { ImageStore } from '../store.ts';
import { json, refuse, type ServerAnswer, type ServerRequest } from './answer.ts';
import { answerBlob } from './blob-routes.ts';
import { answerCatalog, answerReferrers, answerTags } from './listing-routes.ts';
import { answerManifest } from './manifest-routes.ts';
import { parseRoute } from './route.ts';
import type { ServerContext } from './server-context.ts';
import { answerUpload, beginUpload } from './upload-routes.ts';
import { UploadTable } from './upload-table.ts';

export interface RegistryServerOptions {
  /** Of the owner of the store: tags are moved. */
  readonly store: ImageStore;
  /** What something besides tags needs (a revision, a running build): it is not deleted, nor what it leads to. Default: nothing. */
  readonly inUse?: () => Promise<ReadonlySet<Digest>>;
  /** Milliseconds since the epoch, for uploads that nobody goes on with. */
  readonly now: () => number;
}

/** A registry over a store. Who may ask is decided before. */
export class RegistryServer {
  readonly #context: ServerContext;

  constructor(options: RegistryServerOptions) {
    this.#context = {
      store: options.store,
      uploads: new UploadTable(options.store, options.now),
      inUse: options.inUse ?? (async () => new Set()),
    };
  }

  /** Answers a request; only faults of ours are thrown, and a full disk as `DISK_FULL`. */
  async handle(request: ServerRequest): Promise<ServerAnswer> {
    const answer = await this.#route(request);
    // Clients of the Docker API look for it (distribution-spec, "API version check").
    return { ...answer, headers: { 'docker-distribution-api-version': 'registry/2.0', ...answer.headers } };
  }

  /** Gives up the uploads under way. */
  close(): Promise<void> {
    return this.#context.uploads.close();
  }

  async #route(request: ServerRequest): Promise<ServerAnswer> {
    const route = parseRoute(request.path);
    if (route === undefined) return refuse(404, 'UNSUPPORTED', 'The registry has no such endpoint.');
    if (route === 'invalid-name') {
      return refuse(
        400,
        'NAME_INVALID',
        'A repository is lower-case words with . _ - between, parted by slashes.',
      );
    }
    const context = this.#context;
    switch (route.kind) {
      case 'version':
        return json(200, {});
      case 'catalog':
        return answerCatalog(context, request);
      case 'tags':
        return answerTags(context, request, route.repository);
      case 'referrers':
        return answerReferrers(context, request, route.digest);
      case 'manifest':
        return answerManifest(context, request, route.repository, route.reference);
      case 'blob':
        return answerBlob(context, request, route.digest);
      case 'uploads':
        return beginUpload(context, request, route.repository);
      case 'upload':
        return answerUpload(context, request, route.repository, route.id);
    }
  }
}

/** An error of ours as a registry says it; undefined: it is not the client's. */
export function refusalOf(error: unknown): ServerAnswer | undefined {
  if (!(error instanceof GalleyError)) return undefined;
  if (error.code === 'DISK_FULL') return refuse(507, 'UNKNOWN', 'The disk of the registry is full.');
  return error.code === 'IMAGE_INVALID' ? refuse(400, 'MANIFEST_INVALID', error.message) : undefined;
}
