/**
 * Holds the keys of a certificate file. The file, its password and the raw keys live in this Worker only: they come in,
 * become keys that cannot be taken out, and are wiped; ending the Worker clears the rest.
 */
import { openPfx, PfxError, type PfxIdentity } from './pfx/reader';
import type { HashAlgorithm } from './keysource';
import type { FromWorker, ToWorker } from './pfx.messages';

const HASHES: readonly HashAlgorithm[] = ['SHA-256', 'SHA-384', 'SHA-512'];

/** One key per hash: WebCrypto binds an RSA key to one. */
type Keys = Record<HashAlgorithm, CryptoKey>;

const opened: Keys[] = [];

/** Do what the page asks for, and answer it. */
export function take(message: ToWorker): Promise<void> {
  return message.kind === 'open' ? open(message) : sign(message);
}

async function open({ file, password }: Extract<ToWorker, { kind: 'open' }>): Promise<void> {
  try {
    const identities = await openPfx(file, password);
    for (const identity of identities) opened.push(await importKeys(identity));
    answer({ kind: 'opened', identities: identities.map(({ certificate, chain }) => ({ certificate, chain })) });
  } catch (error) {
    answer({ kind: 'error', code: codeOf(error) });
  }
}

async function importKeys({ pkcs8, algorithm }: PfxIdentity): Promise<Keys> {
  const bytes = new Uint8Array(pkcs8);
  try {
    const keys = HASHES.map(async (hash): Promise<[HashAlgorithm, CryptoKey]> => {
      const parameters = algorithm.name === 'ECDSA' ? algorithm : { ...algorithm, hash };
      return [hash, await crypto.subtle.importKey('pkcs8', bytes, parameters, false, ['sign'])];
    });
    return Object.fromEntries(await Promise.all(keys)) as Keys;
  } catch (error) {
    throw new PfxError('unsupported', 'a key that this browser cannot use', { cause: error });
  } finally {
    bytes.fill(0);
    pkcs8.fill(0);
  }
}

async function sign({ identity, items }: Extract<ToWorker, { kind: 'sign' }>): Promise<void> {
  try {
    const keys = opened[identity];
    if (keys === undefined) throw new PfxError('failed', 'no such key');
    for (const { id, data, hashAlg } of items) {
      const key = keys[hashAlg];
      const value = await crypto.subtle.sign({ name: key.algorithm.name, hash: hashAlg }, key, new Uint8Array(data));
      answer({ kind: 'signed', id, value: new Uint8Array(value) });
    }
    answer({ kind: 'done' });
  } catch {
    answer({ kind: 'error', code: 'unsupported' });
  }
}

/** The reader wraps what it did not foresee, the ciphers' chunk that did not arrive among it. */
function codeOf(error: unknown): Extract<FromWorker, { kind: 'error' }>['code'] {
  if (!(error instanceof PfxError)) return 'failed';
  const { cause } = error;
  // The wording of Chromium and Firefox, and of WebKit; there is no error class of its own for it.
  const missing = cause instanceof TypeError && /dynamically imported|importing a module/i.test(cause.message);
  return missing ? 'not-loaded' : error.code;
}

function answer(message: FromWorker): void {
  self.postMessage(message);
}
