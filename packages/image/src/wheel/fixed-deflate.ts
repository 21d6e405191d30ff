/**
 * DEFLATE for tar headers: one block of fixed Huffman codes (RFC 1951 §3.2.6), where the only matches are runs of one byte. A header
 * is a name and zeros, so this gets within a few bytes of zlib, takes a tenth of its time (zlib clears 256 KiB of state per call), and its
 * bytes are ours for ever, whatever zlib does. Files never come this way.
 */

const runMax = 258;
const runMin = 3;

/** RFC 1951 §3.2.5: the first length of each code from 257, and its extra bits. */
const lengthBase = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258,
];
const lengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

/** Huffman codes go into the stream from their highest bit. */
function reversed(code: number, bits: number): number {
  let result = 0;
  for (let bit = 0; bit < bits; bit += 1) result |= ((code >> bit) & 1) << (bits - 1 - bit);
  return result;
}

/** The fixed code of a literal or length symbol, ready for the stream. */
function fixedCode(symbol: number): { code: number; bits: number } {
  if (symbol < 144) return { code: reversed(0x30 + symbol, 8), bits: 8 };
  if (symbol < 256) return { code: reversed(0x190 + symbol - 144, 9), bits: 9 };
  if (symbol < 280) return { code: reversed(symbol - 256, 7), bits: 7 };
  return { code: reversed(0xc0 + symbol - 280, 8), bits: 8 };
}

const literalCode = new Uint16Array(256);
const literalBits = new Uint8Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  const { code, bits } = fixedCode(byte);
  literalCode[byte] = code;
  literalBits[byte] = bits;
}

/** A run of n more of the last byte: length code, extra bits, and the five zero bits that mean distance 1. */
const runCode = new Uint32Array(runMax + 1);
const runBits = new Uint8Array(runMax + 1);
for (let run = runMin; run <= runMax; run += 1) {
  const index = lengthBase.findLastIndex((base) => base <= run);
  const { code, bits } = fixedCode(257 + index);
  const base = lengthBase[index] ?? 0;
  const extra = lengthExtra[index] ?? 0;
  runCode[run] = code | ((run - base) << bits);
  runBits[run] = bits + extra + 5;
}

/** Bytes → one final DEFLATE block. */
export function deflateFixed(input: Uint8Array): Buffer {
  // Nine bits a byte is the most a literal takes.
  const output = Buffer.allocUnsafe(Math.ceil((input.byteLength * 9) / 8) + 8);
  let length = 0;
  // BFINAL 1, BTYPE 01, lowest bit first.
  let held = 0b011;
  let bits = 3;
  const put = (code: number, count: number): void => {
    held |= code << bits;
    bits += count;
    while (bits >= 8) {
      output[length] = held & 0xff;
      length += 1;
      held >>>= 8;
      bits -= 8;
    }
  };
  for (let at = 0; at < input.byteLength;) {
    const byte = input[at] ?? 0;
    put(literalCode[byte] ?? 0, literalBits[byte] ?? 0);
    at += 1;
    let run = 0;
    while (run < runMax && at + run < input.byteLength && input[at + run] === byte) run += 1;
    if (run < runMin) continue;
    put(runCode[run] ?? 0, runBits[run] ?? 0);
    at += run;
  }
  put(0, 7);
  if (bits > 0) {
    output[length] = held & 0xff;
    length += 1;
  }
  return output.subarray(0, length);
}
