/** The page's only Trusted Types policy. It lets two literal addresses through, both of our own origin. */
import workerUrl from './worker.ts?worker&url';

const URLS = {
  worker: workerUrl,
  /** The operator's copy of Lacuna Web PKI. */
  webPki: '/sign/assets-operator/web-pki.js',
} as const;

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

let policy: ReturnType<TrustedTypes['createPolicy']> | undefined;

/** One of the addresses, as the browser takes it for a script. */
export function scriptUrl(name: keyof typeof URLS): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  policy ??= trustedTypes?.createPolicy('signroom', {
    createScriptURL(url) {
      if (!Object.values(URLS).includes(url)) throw new TypeError('not an address that scripts come from');
      return url;
    },
  });
  return policy?.createScriptURL(URLS[name]) ?? URLS[name];
}

/** The page's Worker: one that digests files, or one that holds keys. */
export function startWorker(): Worker {
  return new Worker(scriptUrl('worker'), { type: 'module' });
}
