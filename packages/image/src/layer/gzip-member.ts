/**
 * The head of every gzip member of ours: magic, deflate, no flags, no time, no extra flags, operating system "unknown" (RFC 1952
 * §2.3.1). Nothing of the machine gets in.
 */
export const gzipHeader: Buffer = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** The end of a gzip member: CRC-32 and length of what went in, each in 32 bits (RFC 1952 §2.3.1). */
export function gzipTrailer(crc: number, size: number): Buffer {
  const trailer = Buffer.allocUnsafe(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  return trailer;
}
