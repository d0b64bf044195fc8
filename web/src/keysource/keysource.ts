/** Where a signer's key is. One file per source; adding one touches this folder only. */

export type HashAlgorithm = 'SHA-256' | 'SHA-384' | 'SHA-512';

/** A certificate whose key the source can use. */
export interface CertInfo {
  /** Names it within its source. */
  readonly id: string;
  readonly der: Uint8Array;
  /** Issuers that came along, in no particular order. */
  readonly chain: readonly Uint8Array[];
}

export interface ToSign {
  readonly id: string;
  /** The bytes to be signed, never a bare hash. */
  readonly data: Uint8Array;
  readonly hashAlg: HashAlgorithm;
}

export interface Signed {
  readonly id: string;
  /** RSA octets, or ECDSA as r||s or DER. */
  readonly value: Uint8Array;
}

/** An opened source. `close` lets the keys go. */
export interface KeySource {
  readonly kind: 'pfx' | 'demo';
  readonly certificates: readonly CertInfo[];
  sign(certificateId: string, items: readonly ToSign[], onProgress: (done: number) => void): Promise<Signed[]>;
  close(): void;
}

export type KeyErrorCode =
  | 'cancelled'
  | 'wrong-secret'
  | 'not-installed'
  | 'denied'
  | 'unsupported'
  | 'no-certificate'
  | 'busy'
  | 'timeout'
  | 'insecure' // the page was not opened by https, so the browser has no cryptography for it
  | 'not-loaded' // a part of the page did not arrive
  | 'failed';

export class KeyError extends Error {
  override name = 'KeyError';
  constructor(readonly code: KeyErrorCode) {
    super(code);
  }
}
