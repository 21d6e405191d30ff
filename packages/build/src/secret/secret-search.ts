/** Shorter values would be found everywhere and mean nothing. */
export const shortestSecret = 6;

/** A search through one content, chunk by chunk. */
export interface SecretSeeker {
  see(chunk: Uint8Array): void;
  /** The name of the first secret whose value was seen. */
  readonly found: string | undefined;
}

/** Looks for values of secrets; one for many contents. */
export interface SecretSearch {
  begin(): SecretSeeker;
}

interface Needle {
  readonly name: string;
  readonly bytes: Buffer;
}

/** A secret as it may lie in a file: as it is, and as base64, which headers and pickled configurations hold. */
function needlesOf(name: string, value: string | Uint8Array): readonly Needle[] {
  const plain = typeof value === 'string' ? Buffer.from(value.trim()) : Buffer.from(value);
  if (plain.length < shortestSecret) return [];
  const encoded = Buffer.from(plain.toString('base64').replace(/=+$/, ''));
  return [plain, ...(encoded.length < 12 ? [] : [encoded])].map((bytes) => ({ name, bytes }));
}

const nothing: SecretSeeker = { see: () => undefined, found: undefined };

/** Makes a search for these values, by the names under which they are told. Compressed contents hide them. */
export function searchSecrets(secrets: Readonly<Record<string, string | Uint8Array>>): SecretSearch {
  const needles = Object.entries(secrets).flatMap(([name, value]) => needlesOf(name, value));
  if (needles.length === 0) return { begin: () => nothing };
  const overlap = Math.max(...needles.map(({ bytes }) => bytes.length)) - 1;
  return {
    begin() {
      let rest = Buffer.alloc(0);
      let found: string | undefined;
      return {
        get found() {
          return found;
        },
        see(chunk) {
          if (found !== undefined) return;
          const window = Buffer.concat([rest, chunk]);
          found = needles.find(({ bytes }) => window.includes(bytes))?.name;
          rest = window.subarray(Math.max(0, window.length - overlap));
        },
      };
    },
  };
}
