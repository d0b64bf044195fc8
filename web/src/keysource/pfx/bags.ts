/** What lies in a PKCS#12 file: its bags (RFC 7292, 4.2), opened with the password. */
import { explicit, implicitOctets, integer, type Node, octets, oid, parse, sequence, set, toDer } from './asn1';
import { type Bytes, toForge } from './binary';
import { decrypt } from './decrypt';
import { PfxError } from './errors';
import { type Secret, unsupported } from './kdf';
import { checkMac } from './mac';
import { privateKeyInfo } from './pkcs8';

const DATA = '1.2.840.113549.1.7.1';
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
const KEY_BAG = '1.2.840.113549.1.12.10.1.1';
const SHROUDED_KEY_BAG = '1.2.840.113549.1.12.10.1.2';
const CERTIFICATE_BAG = '1.2.840.113549.1.12.10.1.3';
const SAFE_CONTENTS_BAG = '1.2.840.113549.1.12.10.1.6';
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';
const LOCAL_KEY_ID = '1.2.840.113549.1.9.21';

const MOST_NESTED = 4;
const MOST_BAGS = 200;
const MOST_KEYS = 20;

/** A certificate in the file; `localKeyId` ties it to a key. */
export interface CertificateBag {
  readonly der: Bytes;
  readonly localKeyId: string | undefined;
}

/** A private key in the file, as PKCS#8 that its owner wipes. */
export interface KeyBag {
  readonly pkcs8: Bytes;
  readonly localKeyId: string | undefined;
}

/** All bags of a file that matter here, in the file's order. */
export class Bags {
  readonly certificates: CertificateBag[] = [];
  readonly keys: KeyBag[] = [];
  /** Why a key was left out while others may be usable. */
  readonly refusals: PfxError[] = [];
  seen = 0;

  wipe(): void {
    for (const { pkcs8 } of this.keys) pkcs8.fill(0);
  }
}

/** Open every bag of the file into `bags`. Throws PfxError; `bags` may hold keys by then. */
export async function openBags(file: Bytes, secret: Secret, bags: Bags): Promise<void> {
  const [version, authSafe, macData] = sequence(parse(file));
  if (integer(version) !== 3) return unsupported('version', String(integer(version)));
  const [type, content] = sequence(authSafe);
  if (oid(type) !== DATA) return unsupported('integrity', oid(type)); // signedData: RFC 7292's public-key mode
  const authenticated = octets(explicit(content, 0));
  if (macData !== undefined) await checkMac(macData, authenticated, secret);
  try {
    for (const contentInfo of sequence(parse(authenticated))) await openSafe(contentInfo, secret, bags);
  } catch (error) {
    // The MAC has shown that the password is right: what does not open now is broken, or has a password of its own.
    if (macData === undefined || !isWrongSecret(error)) throw error;
    throw new PfxError('failed', 'the MAC is right but the contents do not open', { cause: error });
  }
}

async function openSafe(contentInfo: Node, secret: Secret, bags: Bags): Promise<void> {
  const [type, content] = sequence(contentInfo);
  const name = oid(type);
  if (name === DATA) return openContents(contentsIn(octets(explicit(content, 0))), secret, bags);
  if (name !== ENCRYPTED_DATA) return unsupported('privacy', name); // envelopedData: public-key mode
  const [, encrypted] = sequence(explicit(content, 0));
  const [, algorithm, ciphertext] = sequence(encrypted);
  const contents = await decrypt(algorithm, implicitOctets(ciphertext, 0), secret, contentsIn);
  return openContents(contents, secret, bags);
}

async function openContents(contents: readonly Node[], secret: Secret, bags: Bags, depth = 0): Promise<void> {
  if (depth > MOST_NESTED) return unsupported('depth', String(depth));
  for (const bag of contents) {
    // Every key is tried with every certificate, so their product has to stay small.
    if (++bags.seen > MOST_BAGS || bags.keys.length > MOST_KEYS) return unsupported('number of bags', String(MOST_BAGS));
    const [type, value, attributes] = sequence(bag);
    const inside = explicit(value, 0);
    const localKeyId = attributes && localKeyIdIn(attributes);
    switch (oid(type)) {
      case CERTIFICATE_BAG: {
        const [kind, wrapped] = sequence(inside);
        if (oid(kind) === X509_CERTIFICATE) bags.certificates.push({ der: octets(explicit(wrapped, 0)), localKeyId });
        break;
      }
      case KEY_BAG:
        bags.keys.push({ pkcs8: toDer(inside), localKeyId });
        break;
      case SHROUDED_KEY_BAG:
        await openShrouded(inside, secret, bags, localKeyId);
        break;
      case SAFE_CONTENTS_BAG:
        await openContents(sequence(inside), secret, bags, depth + 1);
        break;
    }
  }
}

async function openShrouded(info: Node, secret: Secret, bags: Bags, localKeyId: string | undefined): Promise<void> {
  const [algorithm, ciphertext] = sequence(info);
  try {
    const pkcs8 = await decrypt(algorithm, octets(ciphertext), secret, privateKeyInfo);
    bags.keys.push({ pkcs8, localKeyId });
  } catch (error) {
    if (!(error instanceof PfxError && error.code === 'unsupported')) throw error;
    bags.refusals.push(error);
  }
}

/** The bags of a SafeContents; its bytes, which may hold keys, are wiped. */
function contentsIn(bytes: Bytes): readonly Node[] {
  const bags = sequence(parse(bytes));
  bytes.fill(0);
  return bags;
}

function localKeyIdIn(attributes: Node): string | undefined {
  for (const attribute of set(attributes)) {
    const [type, values] = sequence(attribute);
    if (oid(type) === LOCAL_KEY_ID) return toForge(octets(set(values)[0]));
  }
  return undefined;
}

function isWrongSecret(error: unknown): boolean {
  return error instanceof PfxError && error.code === 'wrong-secret';
}
