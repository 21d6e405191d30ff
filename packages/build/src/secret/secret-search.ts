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

/**
 * A secret as it may stand in a text: as it is, as an address spells it, and as base64 of it alone or of something around it
 * (`Basic` of user and password), which headers and pickled configurations hold. Empty for one that is too short to mean anything.
 */
export function formsOf(value: string | Uint8Array): readonly string[] {
  const plain = typeof value === 'string' ? Buffer.from(value.trim()) : Buffer.from(value);
  if (plain.length < shortestSecret) return [];
  const encoded = [0, 1, 2].map((offset) => base64Within(plain, offset)).filter((form) => form.length >= 8);
  if (typeof value !== 'string') return encoded;
  return [...new Set([value.trim(), encodeURIComponent(value.trim()), ...encoded])];
}

/** The characters of base64 that these bytes decide alone when `offset` bytes stand before them, and some behind. */
function base64Within(bytes: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  return text.slice([0, 2, 3][offset], Math.floor(((offset + bytes.length) * 8) / 6));
}

function needlesOf(name: string, value: string | Uint8Array): readonly Needle[] {
  const forms: readonly (string | Uint8Array)[] = [
    ...(typeof value === 'string' ? [] : [value]),
    ...formsOf(value),
  ];
  return formsOf(value).length === 0 ? [] : forms.map((form) => ({ name, bytes: Buffer.from(form) }));
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
