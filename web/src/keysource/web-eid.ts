/**
 * Keys on ID cards, by the messages of the Web eID browser extension (github.com/web-eid).
 *
 * The page posts `{action, libraryVersion, ...}` to its own window, where the extension listens. It answers with
 * `{action}-ack` at once, then with `{action}-success` or `{action}-failure`. PINs are typed into the card's program.
 */
import { fromBase64, toBase64 } from '../bytes/base64';
import {
  type Availability,
  type HashAlgorithm,
  KeyError,
  type KeyErrorCode,
  type KeySource,
  type Place,
  type Signed,
  type ToSign,
  unless,
} from './keysource';

/** Of the protocol: extension and program must have this major version at least, or answer VERSION_MISMATCH. */
const LIBRARY_VERSION = '2.0.2';
const ACK_MS = 1000;
const PROGRAM_MS = 5000;
/** To insert the card and type a PIN, twice what the extension itself allows. */
const SIGNER_MS = 240_000;

/** `ERR_WEBEID_` and these; any other is `program-failed`. */
const CODES: Readonly<Record<string, KeyErrorCode>> = {
  USER_CANCELLED: 'cancelled',
  ACTION_TIMEOUT: 'timeout',
  USER_TIMEOUT: 'timeout',
  VERSION_MISMATCH: 'outdated',
  VERSION_INVALID: 'outdated',
  EXTENSION_UNAVAILABLE: 'not-installed',
  NATIVE_UNAVAILABLE: 'not-installed',
  CONTEXT_INSECURE: 'insecure',
  ACTION_PENDING: 'busy',
};

interface Algorithm {
  readonly hashFunction: string;
  readonly paddingScheme: string;
}

interface SigningCertificate {
  readonly certificate: string;
  readonly supportedSignatureAlgorithms: readonly Algorithm[];
}

interface Signature {
  readonly signature: string;
  readonly signatureAlgorithm: Algorithm;
}

/** Asks extension and program for their versions; the card is not touched. Throws KeyError. */
export async function available({ secure, mobile }: Place): Promise<Availability> {
  const here = unless({ insecure: !secure, mobile });
  if (here.usable) await ask('status', {}, PROGRAM_MS);
  return here;
}

/** Read the certificate of the card. Throws KeyError. */
export async function open(_place: Place): Promise<KeySource> {
  const found = await ask<SigningCertificate>('get-signing-certificate', { options: options() }, SIGNER_MS);
  return {
    kind: 'web-eid',
    certificates: [{ id: 'card', der: fromBase64(found.certificate), chain: [] }],
    sign: (_certificateId, items, onProgress) => sign(found, items, onProgress),
    close() {}, // the card stays with its program
  };
}

/** One after the other: the program takes one hash at a time, and a PIN for each. */
async function sign(
  { certificate, supportedSignatureAlgorithms }: SigningCertificate,
  items: readonly ToSign[],
  onProgress: (done: number) => void,
): Promise<Signed[]> {
  const signed: Signed[] = [];
  for (const { id, data, hashAlg } of items) {
    if (!supportedSignatureAlgorithms.some((algorithm) => fits(algorithm, hashAlg))) throw new KeyError('unsupported');
    const hash = toBase64(new Uint8Array(await crypto.subtle.digest(hashAlg, new Uint8Array(data))));
    const fields = { certificate, hash, hashFunction: hashAlg, options: options() };
    const { signature, signatureAlgorithm } = await ask<Signature>('sign', fields, SIGNER_MS);
    if (!fits(signatureAlgorithm, hashAlg)) throw new KeyError('unsupported');
    signed.push({ id, value: fromBase64(signature) });
    onProgress(signed.length);
  }
  return signed;
}

/** RSASSA-PKCS1-v1_5 or ECDSA over this hash. */
function fits({ hashFunction, paddingScheme }: Algorithm, hashAlg: HashAlgorithm): boolean {
  return hashFunction === hashAlg && paddingScheme !== 'PSS';
}

function options(): { lang: string } {
  return { lang: document.documentElement.lang.slice(0, 2) };
}

/** Post one request and wait for its answer, `patience` milliseconds after the extension took it. Throws KeyError. */
function ask<T>(verb: 'status' | 'get-signing-certificate' | 'sign', fields: object, patience: number): Promise<T> {
  const action = `web-eid:${verb}`;
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      removeEventListener('message', listen);
    };
    const fail = (code: KeyErrorCode) => {
      stop();
      reject(new KeyError(code));
    };
    const listen = ({ data, source, origin }: MessageEvent) => {
      if (source !== window || origin !== location.origin) return;
      if (data?.action === `${action}-ack`) {
        clearTimeout(timer);
        timer = setTimeout(fail, patience, 'timeout');
      } else if (data?.action === `${action}-success`) {
        stop();
        resolve(data as T);
      } else if (data?.action === `${action}-failure`) {
        fail(CODES[String(data.error?.code).replace('ERR_WEBEID_', '')] ?? 'program-failed');
      }
    };
    let timer = setTimeout(fail, ACK_MS, 'not-installed');
    addEventListener('message', listen);
    postMessage({ action, libraryVersion: LIBRARY_VERSION, ...fields }, location.origin);
  });
}
