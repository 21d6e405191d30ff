import { readFileSync, rmSync } from 'node:fs';
import { Type, type Static } from 'typebox';
import { Check } from 'typebox/value';
import { processLives } from '@galley/image/lease/process-identity';
import { replaceFile } from './replace-file.ts';

/** `server.json`: how commands find the owner of a GALLEY_HOME. */
const ServerFile = Type.Object({
  schema: Type.Literal('galley.dev/server/v1'),
  pid: Type.Integer(),
  /** Clock ticks since boot at which it started. */
  startTime: Type.String(),
  bootId: Type.String(),
  /** RFC 3339. */
  startedAt: Type.String(),
  /** `https://127.0.0.1:7443`. */
  api: Type.String(),
  /** `http://127.0.0.1:7080`. */
  gateway: Type.String(),
  /** Beside this file: the API's token, and the certificate of its authority. */
  tokenFile: Type.String(),
  caFile: Type.String(),
});
export type ServerFile = Static<typeof ServerFile>;

/** Undefined: no server runs there (no file, a broken one, or one of a process that is gone). */
export function readServerFile(path: string): ServerFile | undefined {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
  if (!Check(ServerFile, content)) return undefined;
  const { pid, startTime, bootId } = content;
  return processLives({ pid, startTicks: startTime, bootId }) ? content : undefined;
}

export function writeServerFile(path: string, content: Omit<ServerFile, 'schema'>): void {
  replaceFile(path, `${JSON.stringify({ schema: 'galley.dev/server/v1', ...content }, null, 2)}\n`, 0o644);
}

export function removeServerFile(path: string): void {
  rmSync(path, { force: true });
}
