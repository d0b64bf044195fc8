/** A certificate file (PKCS#12), opened in a Worker of this page: neither file nor password is sent anywhere. */
import { type Availability, KeyError, type KeySource, type Place, type Signed, unless } from './keysource';
import type { FromWorker, ToWorker } from './pfx.messages';
import { startWorker } from './trusted';

/** No certificate file is larger. */
export const MAX_PFX_BYTES = 2_000_000;

/** A password is typed into a page of ours only, never inside another site's. */
export function available({ secure, framed, deviceRequired }: Place): Availability {
  return unless({ insecure: !secure, framed, 'device-required': deviceRequired });
}

/** Open `file`. Throws KeyError: wrong-secret, no-certificate, no-private-key, pem, unsupported, insecure, not-loaded, failed. */
export async function open(file: File, password: string): Promise<KeySource> {
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
