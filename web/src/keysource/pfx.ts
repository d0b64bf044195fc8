/** A certificate file (PKCS#12), opened in a Worker of this page: neither file nor password is sent anywhere. */
import workerUrl from './pfx.worker.ts?worker&url';
import { KeyError, type KeySource, type Signed } from './keysource';
import type { FromWorker, ToWorker } from './pfx.messages';

/** No certificate file is larger. */
export const MAX_PFX_BYTES = 2_000_000;

/** Open `file`. Throws KeyError: wrong-secret, no-certificate, unsupported, insecure, not-loaded, failed. */
export async function openPfxFile(file: File, password: string): Promise<KeySource> {
  if (file.size > MAX_PFX_BYTES) throw new KeyError('failed');
  if (globalThis.crypto?.subtle === undefined) throw new KeyError('insecure');
  const bytes = new Uint8Array(await file.arrayBuffer());
  const worker = startWorker(); // nothing is awaited until `ask` listens: its first error comes only once
  try {
    const opened = await ask(worker, { kind: 'open', file: bytes, password }, (message) =>
      message.kind === 'opened' ? message.identities : undefined,
    );
    return source(worker, opened);
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

function source(
  worker: Worker,
  identities: Extract<FromWorker, { kind: 'opened' }>['identities'],
): KeySource {
  return {
    kind: 'pfx',
    certificates: identities.map(({ certificate, chain }, id) => ({ id: String(id), der: certificate, chain })),
    sign(certificateId, items, onProgress) {
      const signed: Signed[] = [];
      return ask(worker, { kind: 'sign', identity: Number(certificateId), items }, (message) => {
        if (message.kind === 'signed') {
          signed.push({ id: message.id, value: message.value });
          onProgress(signed.length);
        }
        return message.kind === 'done' ? signed : undefined;
      });
    },
    close() {
      worker.terminate();
    },
  };
}

/** Send `message` and wait until `take` makes something of an answer. */
function ask<T>(worker: Worker, message: ToWorker, take: (answer: FromWorker) => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === 'error') return reject(new KeyError(data.code));
      const result = take(data);
      if (result !== undefined) resolve(result);
    };
    // The worker answers its own errors: this one is that its script did not arrive.
    worker.onerror = () => reject(new KeyError('not-loaded'));
    worker.postMessage(message);
  });
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

/** The page's only Trusted Types policy: it lets one literal address through. */
let policy: ReturnType<TrustedTypes['createPolicy']> | undefined;

function startWorker(): Worker {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  policy ??= trustedTypes?.createPolicy('signroom', {
    createScriptURL(url) {
      if (url !== workerUrl) throw new TypeError('not the address of the key worker');
      return url;
    },
  });
  return new Worker(policy?.createScriptURL(workerUrl) ?? workerUrl, { type: 'module' });
}
