/**
 * Keys in the operating system and on tokens, through Lacuna Web PKI by its documented calls. Its script is not ours to
 * ship: the operator obtains file and licence, and the page loads his copy from our own origin.
 */
import { fromBase64, toBase64 } from '../bytes/base64';
import {
  type Availability,
  KeyError,
  type KeyErrorCode,
  type KeySource,
  type Place,
  type Signed,
  type ToSign,
  unless,
} from './keysource';
import { scriptUrl } from './trusted';

/** What its calls answer. */
interface Answer<T> {
  success(callback: (value: T) => void): Answer<T>;
  fail(callback: (exception: { readonly code?: string }) => void): Answer<T>;
}

/** As much of `LacunaWebPKI` as is used here. */
interface WebPki {
  init(args: {
    ready(): void;
    /** Without it the component leaves our page for its maker's. */
    notInstalled(status: number, message: string): void;
    defaultFail(exception: { readonly code?: string }): void;
  }): unknown;
  listCertificates(): Answer<readonly { readonly thumbprint: string }[]>;
  readCertificate(args: { thumbprint: string }): Answer<string>;
  preauthorizeSignatures(args: { certificateThumbprint: string; signatureCount: number }): Answer<unknown>;
  signData(args: { thumbprint: string; data: string; digestAlgorithm: string }): Answer<string>;
}

/** `notInstalled`'s status; any other is `not-installed`. */
const STATES: Readonly<Record<number, KeyErrorCode>> = { 2: 'outdated', 3: 'unsupported' };

/** By the component's code; any other is `program-failed`. */
const CODES: Readonly<Record<string, KeyErrorCode>> = {
  user_cancelled: 'cancelled',
  addon_timeout: 'timeout',
  native_no_response: 'timeout',
  addon_not_detected: 'not-installed',
  native_connect_failure: 'not-installed',
  native_disconnected: 'not-installed',
  command_unknown: 'outdated',
  command_not_supported: 'outdated',
  certificate_not_found: 'no-certificate',
  keyset_not_found: 'no-certificate',
  p11_token_not_found: 'no-certificate',
  algorithm_not_supported: 'unsupported',
};

let running: Promise<WebPki> | undefined;

/** Starts the component, which asks nothing yet; on a telephone it would fetch scripts of its maker. Throws KeyError. */
export async function available({ secure, mobile, webPkiLicense }: Place): Promise<Availability> {
  const here = unless({ insecure: !secure, mobile });
  if (here.usable) await start(webPkiLicense);
  return here;
}

/** List the certificates; the component may ask the signer to let this site do so. Throws KeyError. */
export async function open({ webPkiLicense }: Place): Promise<KeySource> {
  const pki = await start(webPkiLicense);
  const certificates = [];
  for (const { thumbprint } of await valueOf(pki.listCertificates())) {
    const der = fromBase64(await valueOf(pki.readCertificate({ thumbprint })));
    certificates.push({ id: thumbprint, der, chain: [] });
  }
  if (certificates.length === 0) throw new KeyError('no-certificate');
  return {
    kind: 'web-pki',
    certificates,
    sign: (thumbprint, items, onProgress) => sign(pki, thumbprint, items, onProgress),
    close() {}, // the keys stay with the component
  };
}

/** Several signatures are allowed by the signer at once, and counted by the component. */
async function sign(
  pki: WebPki,
  thumbprint: string,
  items: readonly ToSign[],
  onProgress: (done: number) => void,
): Promise<Signed[]> {
  if (items.length > 1) {
    const count = { certificateThumbprint: thumbprint, signatureCount: items.length };
    await valueOf(pki.preauthorizeSignatures(count));
  }
  const signed: Signed[] = [];
  for (const { id, data, hashAlg } of items) {
    const value = await valueOf(pki.signData({ thumbprint, data: toBase64(data), digestAlgorithm: hashAlg }));
    signed.push({ id, value: fromBase64(value) });
    onProgress(signed.length);
  }
  return signed;
}

/** The one component of this page; after a failure the next call tries again. */
function start(license: string | null): Promise<WebPki> {
  running ??= load(license).catch((error: unknown) => {
    running = undefined;
    throw error;
  });
  return running;
}

async function load(license: string | null): Promise<WebPki> {
  const component = globalThis as { LacunaWebPKI?: new (license?: string) => WebPki };
  if (component.LacunaWebPKI === undefined) await loadScript();
  const { LacunaWebPKI } = component;
  if (LacunaWebPKI === undefined) throw new KeyError('not-loaded');
  const pki = new LacunaWebPKI(license ?? undefined);
  return new Promise((resolve, reject) => {
    pki.init({
      ready: () => resolve(pki),
      notInstalled: (status) => reject(new KeyError(STATES[status] ?? 'not-installed')),
      defaultFail: ({ code }) => reject(new KeyError(errorCode(code))),
    });
  });
}

function loadScript(): Promise<void> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = scriptUrl('webPki');
    script.onload = () => resolve();
    script.onerror = () => reject(new KeyError('not-loaded'));
    document.head.append(script);
  });
}

function valueOf<T>(answer: Answer<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    answer.success(resolve).fail(({ code }) => reject(new KeyError(errorCode(code))));
  });
}

function errorCode(code: string | undefined): KeyErrorCode {
  if (code?.startsWith('license_') || code === 'blocked_domain') return 'unlicensed';
  return CODES[code ?? ''] ?? 'program-failed';
}
