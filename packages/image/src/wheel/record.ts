/** What RECORD says of one file. */
export interface RecordLine {
  readonly path: string;
  /** `sha256=…` as in RECORD: algorithm and URL-safe base64 without padding; undefined where the line has none. */
  readonly hash: string | undefined;
  /** Bytes; 0 where the line does not say. */
  readonly size: number;
}

/** Hashes that count; the specification forbids md5 and sha1 (packaging.python.org, recording installed projects). */
const hashPattern = /^(?:sha256=[\w-]{43}|sha384=[\w-]{64}|sha512=[\w-]{86})$/;

/** One line of CSV as Python's csv module writes it: fields in quotes may hold commas and doubled quotes. */
function csvFields(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const fields: string[] = [];
  for (const match of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)) {
    fields.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'));
  }
  return fields;
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** RECORD as a map by path in the archive. A hash of an unknown sort counts as none. */
export function parseRecord(text: string): Map<string, RecordLine> {
  const lines = new Map<string, RecordLine>();
  for (const line of text.split(/\r?\n/)) {
    if (line === '') continue;
    const [path = '', hash = '', size = ''] = csvFields(line);
    lines.set(path, {
      path,
      hash: hashPattern.test(hash) ? hash : undefined,
      size: /^\d{1,12}$/.test(size) ? Number(size) : 0,
    });
  }
  return lines;
}

/** One line of an installed RECORD; without a hash for RECORD itself. */
export function recordLine(path: string, hash: string | undefined, size: number): string {
  return hash === undefined ? `${csvField(path)},,\n` : `${csvField(path)},${hash},${size}\n`;
}
