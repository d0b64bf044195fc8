/** The parts of node-forge in use, each loaded by itself. A `ForgeBytes` string has one character per byte. */
type ForgeBytes = string;

declare module 'node-forge/lib/asn1.js' {
  export interface Node {
    readonly tagClass: number;
    readonly type: number;
    readonly constructed: boolean;
    readonly value: ForgeBytes | readonly Node[];
  }
  interface Options {
    readonly strict: boolean;
    readonly parseAllBytes: boolean;
    readonly decodeBitStrings: boolean;
  }
  const asn1: {
    fromDer(bytes: ForgeBytes, options: Options): Node;
    toDer(node: Node): { getBytes(): ForgeBytes };
    derToOid(content: ForgeBytes): string;
  };
  export default asn1;
}

declare module 'node-forge/lib/util.js' {
  export interface Buffer {
    getBytes(): ForgeBytes;
  }
  const util: { createBuffer(bytes: ForgeBytes): Buffer };
  export default util;
}

declare module 'node-forge/lib/cipher.js' {
  import type { Buffer } from 'node-forge/lib/util.js';
  export interface Decipher {
    update(input: Buffer): void;
    finish(unpad: () => boolean): boolean;
    readonly output: Buffer;
  }
  interface BlockDecipher extends Decipher {
    start(options: { readonly iv: ForgeBytes }): void;
  }
  const cipher: { createDecipher(algorithm: '3DES-CBC' | 'AES-CBC', key: ForgeBytes): BlockDecipher };
  export default cipher;
}

declare module 'node-forge/lib/rc2.js' {
  import type { Decipher } from 'node-forge/lib/cipher.js';
  interface Rc2Decipher extends Decipher {
    start(iv: ForgeBytes): void;
  }
  const rc2: { createDecryptionCipher(key: ForgeBytes, effectiveBits: number): Rc2Decipher };
  export default rc2;
}

declare module 'node-forge/lib/aes.js';
declare module 'node-forge/lib/des.js';
