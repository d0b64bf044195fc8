/**
 * Digests of files that are read piece by piece, and kept so that more bytes can follow. WebCrypto takes its input in
 * one piece only. It runs in the page's Worker: a large file does not hold up the page.
 */
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { hex } from './der';

const ALGORITHMS = { SHA256: sha256, SHA384: sha384, SHA512: sha512 } as const;

export type Algorithm = keyof typeof ALGORITHMS;

/** What a file is: SHA-256 in hexadecimal, and the number of its bytes. */
export interface Fingerprint {
  readonly sha256: string;
  readonly length: number;
}

interface Running {
  update(bytes: Uint8Array): unknown;
  clone(): Running;
  digest(): Uint8Array;
}

/** Files by names that the caller gives. */
export class Digests {
  private readonly files = new Map<string, ReadonlyMap<Algorithm, Running>>();

  /** Read a file to its end, with SHA-256 and with `algorithm`. What was read under the name before is forgotten. */
  async read(name: string, file: Blob, algorithm: Algorithm): Promise<Fingerprint> {
    const running = new Map<Algorithm, Running>();
    for (const each of ['SHA256', algorithm] as const) running.set(each, ALGORITHMS[each].create());
    let length = 0;
    await eachPiece(file, (piece) => {
      for (const one of running.values()) one.update(piece);
      length += piece.length;
    });
    this.files.set(name, running);
    return { sha256: hex(digestOf(running, 'SHA256', [])), length };
  }

  /**
   * The digest of a file followed by `tails`; asked for again, it is the same.
   * Throws RangeError when the file was not read with `algorithm`.
   */
  followed(name: string, algorithm: Algorithm, tails: readonly Uint8Array[]): Uint8Array {
    return digestOf(this.files.get(name), algorithm, tails);
  }
}

/** Throws DOMException `NotReadableError` for a file that was moved or changed. */
async function eachPiece(file: Blob, take: (piece: Uint8Array) => void): Promise<void> {
  try {
    const reader = file.stream().getReader();
    for (let step = await reader.read(); !step.done; step = await reader.read()) take(step.value);
  } catch (error) {
    await file.slice(0, 1).arrayBuffer(); // Chromium's stream says "network error" for every reason, and this the reason
    throw error;
  }
}

function digestOf(
  file: ReadonlyMap<Algorithm, Running> | undefined,
  algorithm: Algorithm,
  tails: readonly Uint8Array[],
): Uint8Array {
  const running = file?.get(algorithm)?.clone();
  if (running === undefined) throw new RangeError('no such file was read');
  for (const tail of tails) running.update(tail);
  return running.digest();
}
