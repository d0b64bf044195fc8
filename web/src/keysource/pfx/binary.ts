/** Between byte arrays and node-forge's strings of one character per byte. Strings cannot be wiped: see `reader.ts`. */

/** Bytes that WebCrypto takes: never over shared memory. */
export type Bytes = Uint8Array<ArrayBuffer>;

export function toForge(bytes: Uint8Array): ForgeBytes {
  let text = '';
  // In slices: every character is an argument, and engines limit how many a call may have.
  for (let offset = 0; offset < bytes.length; offset += 4096) {
    text += String.fromCharCode(...bytes.subarray(offset, offset + 4096));
  }
  return text;
}

export function fromForge(text: ForgeBytes): Bytes {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
