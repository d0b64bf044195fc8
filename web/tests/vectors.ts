/** The PKCS#12 files under `vectors/`, as their manifest lists them. Made by `python -m tests.pki.pfx_files`. */
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { PfxErrorCode, PfxIdentity } from '../src/keysource/pfx/reader';

export interface Vector {
  readonly file: string;
  /** What the file stands for. */
  readonly row: string;
  readonly password: string;
  /** Kind of key and fingerprint of the certificate, for each key, in the file's order. */
  readonly identities?: readonly (readonly [kind: string, certificate: string])[];
  readonly code?: PfxErrorCode;
}

interface Manifest {
  /** Fingerprints of the issuers that every readable file holds, the nearest first. */
  readonly chain: readonly string[];
  readonly files: readonly Vector[];
}

const folder = new URL('./vectors/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('manifest.json', folder), 'utf8')) as Manifest;

export const chain = manifest.chain;
export const readable = manifest.files.filter(({ identities }) => identities !== undefined);
export const refused = manifest.files.filter(({ code }) => code !== undefined);

/** The file's bytes in memory of their own. Throws when there is no such file. */
export function bytesOf({ file }: Pick<Vector, 'file'>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(file, folder)));
}

/** One vector by its file's name. Throws when there is none. */
export function vector(file: string): Vector {
  const found = manifest.files.find((each) => each.file === file);
  if (found === undefined) throw new Error(`no vector ${file}`);
  return found;
}

/** As the manifest writes it. */
export function fingerprint(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex').slice(0, 16);
}

/** The kind of key as the manifest writes it; the size of an RSA key is its certificate's. */
export function kindOf({ algorithm, certificate }: PfxIdentity): string {
  if (algorithm.name === 'ECDSA') return algorithm.namedCurve;
  return `RSA-${new X509Certificate(certificate).publicKey.asymmetricKeyDetails?.modulusLength}`;
}
