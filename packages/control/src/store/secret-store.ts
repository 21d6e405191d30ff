import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { GalleyError } from '@galley/api/error/galley-error';
import type { SecretInfo } from '@galley/api/http/messages';
import { replaceFile } from '../owner/replace-file.ts';

const keyBytes = 32;
const nonceBytes = 12;

/** Largest value, as Kubernetes bounds a Secret. */
export const secretBytesMax = 1024 * 1024;

/** Reads the key that seals secrets, or makes one: 32 random bytes in a file of mode 0600. Throws `SECRET_UNREADABLE` for a broken file. */
export function openSecretKey(path: string): Buffer {
  if (!existsSync(path)) replaceFile(path, randomBytes(keyBytes), 0o600);
  const key = readFileSync(path);
  if (key.length !== keyBytes) {
    throw new GalleyError(
      'SECRET_UNREADABLE',
      `The key file ${path} does not hold a key of ${keyBytes} bytes.`,
      {
        hint: 'Put the file back from a backup; without it every secret must be set again.',
      },
    );
  }
  return key;
}

/**
 * Secrets of projects, sealed with AES-256-GCM. Project and name are authenticated with the value, so that a row copied
 * to another name opens nothing. Values leave this class only towards workloads.
 */
export class SecretStore {
  private readonly database: DatabaseSync;
  private readonly key: Buffer;
  private readonly now: () => number;

  constructor(options: { database: DatabaseSync; key: Buffer; now: () => number }) {
    this.database = options.database;
    this.key = options.key;
    this.now = options.now;
  }

  put(namespace: string, name: string, value: string): SecretInfo {
    // A fresh nonce for every write: with GCM one that repeats under a key gives the key stream away.
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce);
    cipher.setAAD(associated(namespace, name));
    const sealed = Buffer.concat([cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    const info = {
      name,
      createdAt: new Date(this.now()).toISOString(),
      bytes: Buffer.byteLength(value),
    };
    this.database
      .prepare(
        `INSERT OR REPLACE INTO secret (namespace, name, created_at, bytes, nonce, sealed)
         VALUES (?, ?, ?, ?, ?, ?)`,
      )
      .run(namespace, name, info.createdAt, info.bytes, nonce, sealed);
    return info;
  }

  /** The value, for a workload. Throws `SECRET_NOT_FOUND`, `SECRET_UNREADABLE`. */
  reveal(namespace: string, name: string): string {
    const row = this.database
      .prepare('SELECT nonce, sealed FROM secret WHERE namespace = ? AND name = ?')
      .get(namespace, name);
    if (row === undefined) throw secretNotFound(namespace, name);
    try {
      const sealed = Buffer.from(bytes(row['sealed']));
      const decipher = createDecipheriv('aes-256-gcm', this.key, bytes(row['nonce']));
      decipher.setAAD(associated(namespace, name));
      decipher.setAuthTag(sealed.subarray(-16));
      return decipher.update(sealed.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8');
    } catch (error) {
      throw new GalleyError(
        'SECRET_UNREADABLE',
        `The secret ${name} of project ${namespace} cannot be opened.`,
        {
          hint: `galley secret set ${name}`,
          cause: error,
        },
      );
    }
  }

  list(namespace: string): readonly SecretInfo[] {
    return this.database
      .prepare('SELECT name, created_at, bytes FROM secret WHERE namespace = ? ORDER BY name')
      .all(namespace)
      .map((row) => ({
        name: String(row['name']),
        createdAt: String(row['created_at']),
        bytes: Number(row['bytes']),
      }));
  }

  /** Throws `SECRET_NOT_FOUND`. */
  remove(namespace: string, name: string): void {
    const { changes } = this.database
      .prepare('DELETE FROM secret WHERE namespace = ? AND name = ?')
      .run(namespace, name);
    if (Number(changes) === 0) throw secretNotFound(namespace, name);
  }
}

function associated(namespace: string, name: string): Buffer {
  return Buffer.from(`galley.dev/secret/v1\0${namespace}\0${name}`);
}

function bytes(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}

function secretNotFound(namespace: string, name: string): GalleyError {
  return new GalleyError('SECRET_NOT_FOUND', `Project ${namespace} has no secret ${name}.`, {
    hint: `galley secret set ${name}`,
    details: { namespace, name },
  });
}
