/** Where a signer's key is. One file per source, listed in `sources.ts`; adding one touches this folder only. */

export type SourceKind = 'pfx' | 'web-eid' | 'web-pki' | 'demo';

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

/** Why a source cannot be used here; the catalogue says what to do instead. */
export type Obstacle =
  | 'insecure' // the page was not opened by https
  | 'framed' // the page is shown inside another site, where nobody can tell who asks for a password
  | 'mobile'
  | 'device-required' // a key in software cannot be what is asked for
  | 'not-installed'
  | 'outdated'
  | 'unsupported' // not with this browser
  | 'unlicensed'
  | 'not-loaded'; // a part of the page did not arrive

/** What a source says without asking the signer anything. */
export type Availability = { readonly usable: true } | { readonly usable: false; readonly reason: Obstacle };

/** The page's surroundings, as far as a source may depend on them. */
export interface Place {
  readonly secure: boolean;
  readonly framed: boolean;
  readonly mobile: boolean;
  readonly deviceRequired: boolean;
  /** Web PKI's licence, when the operator has one. */
  readonly webPkiLicense: string | null;
}

/** Usable unless one of these is so; the first one counts. */
export function unless(obstacles: Partial<Record<Obstacle, boolean>>): Availability {
  const found = (Object.keys(obstacles) as Obstacle[]).find((obstacle) => obstacles[obstacle]);
  return found === undefined ? { usable: true } : { usable: false, reason: found };
}

/** An opened source. `close` lets the keys go. */
export interface KeySource {
  readonly kind: SourceKind;
  readonly certificates: readonly CertInfo[];
  sign(certificateId: string, items: readonly ToSign[], onProgress: (done: number) => void): Promise<Signed[]>;
  close(): void;
}

export type KeyErrorCode =
  | 'cancelled'
  | 'wrong-secret'
  | 'not-installed'
  | 'outdated'
  | 'unlicensed'
  | 'denied'
  | 'unsupported'
  | 'no-certificate'
  | 'no-private-key' // a certificate alone
  | 'pem' // a file of another kind, which can be converted
  | 'busy'
  | 'timeout'
  | 'insecure' // the page was not opened by https, so the browser has no cryptography for it
  | 'not-loaded' // a part of the page did not arrive
  | 'program-failed' // the program that has the key
  | 'failed';

export class KeyError extends Error {
  override name = 'KeyError';
  constructor(readonly code: KeyErrorCode) {
    super(code);
  }
}
