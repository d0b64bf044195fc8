/** The test certificate: its key is made here, cannot be taken out, certified for a day by the installation's own demo authority. */
import { fromBase64 } from '../bytes/base64';
import type { Api } from '../server/api';
import { type Availability, KeyError, type KeySource, type Place, unless } from './keysource';

/** The key is in software. */
export function available({ secure, deviceRequired }: Place): Availability {
  return unless({ insecure: !secure, 'device-required': deviceRequired });
}

/** Make a key for `name` and have it certified. Throws ApiError, KeyError. */
export async function open(api: Api, name: string): Promise<KeySource> {
  if (globalThis.crypto?.subtle === undefined) throw new KeyError('insecure');
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey));
  const { certificate, chain } = await api.demoCertificate(spki, name);
  let key: CryptoKey | null = pair.privateKey;
  return {
    kind: 'demo',
    certificates: [{ id: 'demo', der: fromBase64(certificate), chain: chain.map(fromBase64) }],
    async sign(_certificateId, items, onProgress) {
      const signed = [];
      for (const { id, data, hashAlg } of items) {
        if (key === null) throw new KeyError('failed');
        const bytes = new Uint8Array(data);
        const value = await crypto.subtle.sign({ name: 'ECDSA', hash: hashAlg }, key, bytes);
        signed.push({ id, value: new Uint8Array(value) });
        onProgress(signed.length);
      }
      return signed;
    },
    close() {
      key = null;
    },
  };
}
