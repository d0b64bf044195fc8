/** Keys with their certificates: which certificate is a key's own, and which chain leads up from it. */
import { DerError, sameBytes } from '../../bytes/der';
import type { Bags, CertificateBag, KeyBag } from './bags';
import type { Bytes } from './binary';
import { type CertificateParts, certificateParts } from './certificate';
import { PfxError } from './errors';
import { algorithmOf, type KeyAlgorithm, withPublicKey } from './pkcs8';

/** A private key with its certificate. Whoever takes it imports `pkcs8` non-extractable and then wipes it. */
export interface PfxIdentity {
  /** DER. */
  readonly certificate: Bytes;
  /** The issuer's certificate, its issuer's and so on, as far as the file has them; DER. */
  readonly chain: Bytes[];
  readonly pkcs8: Bytes;
  readonly algorithm: KeyAlgorithm;
}

interface Certificate extends CertificateParts {
  readonly der: Bytes;
  readonly localKeyId: string | undefined;
}

/**
 * Every key with its certificate, in the file's order; the keys in `bags` remain the caller's to wipe.
 * Throws PfxError: `no-private-key` when there are certificates alone, `no-certificate` when no key has one,
 * `unsupported` when no key is usable.
 */
export async function pairUp(bags: Bags): Promise<PfxIdentity[]> {
  const certificates = bags.certificates.flatMap(readable);
  const identities: PfxIdentity[] = [];
  const refusals = [...bags.refusals];
  for (const key of bags.keys) {
    try {
      identities.push(await identityOf(key, certificates));
    } catch (error) {
      refusals.push(asRefusal(error)); // one key that is of no use leaves the others usable
    }
  }
  if (identities.length > 0) return identities;
  if (refusals[0] !== undefined) throw refusals[0];
  throw new PfxError(bags.certificates.length > 0 ? 'no-private-key' : 'no-certificate', 'no private key');
}

async function identityOf(key: KeyBag, certificates: readonly Certificate[]): Promise<PfxIdentity> {
  const algorithm = algorithmOf(key.pkcs8);
  // The file's own word first; it is checked, and a key without it is tried with all.
  const named = ({ localKeyId }: Certificate) => localKeyId !== undefined && localKeyId === key.localKeyId;
  const candidates = [...certificates.filter(named), ...certificates.filter((each) => !named(each))];
  for (const candidate of candidates) {
    const pkcs8 = await provenPair(key.pkcs8, algorithm, candidate.publicKeyInfo);
    if (pkcs8 === undefined) continue;
    return { certificate: candidate.der, chain: chainFrom(candidate, certificates), pkcs8, algorithm };
  }
  throw new PfxError('no-certificate', 'no certificate has the key');
}

/**
 * The private key, complete, when the public key verifies what it signs; nothing when they are no pair.
 * Signing and verifying asks nothing of the key's inner format, and keeps its numbers out of this code.
 */
async function provenPair(pkcs8: Bytes, algorithm: KeyAlgorithm, publicKeyInfo: Uint8Array): Promise<Bytes | undefined> {
  const usage = { ...algorithm, hash: 'SHA-256' };
  const probe = new TextEncoder().encode('a key and its certificate');
  let complete: Bytes | undefined;
  try {
    complete = withPublicKey(pkcs8, publicKeyInfo);
    const publicKey = await crypto.subtle.importKey('spki', publicKeyInfo.slice(), usage, false, ['verify']);
    const privateKey = await crypto.subtle.importKey('pkcs8', complete, usage, false, ['sign']);
    const signature = await crypto.subtle.sign(usage, privateKey, probe);
    if (await crypto.subtle.verify(usage, publicKey, signature, probe)) return complete;
  } catch (error) {
    // Another kind of key in the certificate, or a key that WebCrypto does not take: no pair.
    if (!(error instanceof DOMException || error instanceof DerError)) throw error;
  }
  complete?.fill(0);
  return undefined;
}

function chainFrom(leaf: Certificate, certificates: readonly Certificate[]): Bytes[] {
  const left = new Set(certificates.filter((each) => !sameBytes(each.der, leaf.der)));
  const chain: Bytes[] = [];
  for (let current = leaf; !sameBytes(current.issuer, current.subject); ) {
    const issuer = [...left].find(({ subject }) => sameBytes(subject, current.issuer));
    if (issuer === undefined) break;
    left.delete(issuer);
    chain.push(issuer.der);
    current = issuer;
  }
  return chain;
}

function asRefusal(error: unknown): PfxError {
  if (error instanceof PfxError) return error;
  if (error instanceof DerError) return new PfxError('failed', 'a private key is broken', { cause: error });
  throw error;
}

/** True for a certificate that was saved without its key, as `.cer` or `.crt`. */
export function isCertificate(file: Uint8Array): boolean {
  try {
    certificateParts(file);
    return true;
  } catch {
    return false;
  }
}

function readable({ der, localKeyId }: CertificateBag): Certificate[] {
  try {
    return [{ der, localKeyId, ...certificateParts(der) }];
  } catch (error) {
    if (error instanceof DerError) return []; // one broken certificate leaves the others usable
    throw error;
  }
}
