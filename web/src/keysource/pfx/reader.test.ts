// @vitest-environment node
import { verify, X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { bytesOf, chain, fingerprint, kindOf, readable, refused, vector } from '../../../tests/vectors';
import { openPfx, type PfxIdentity } from './reader';

const MESSAGE = new TextEncoder().encode('what is signed');
const SLOW = 60_000;

describe('a file of every kind', () => {
  test.each(readable)('$file ($row) gives its keys, certificates and chains', { timeout: SLOW }, async (each) => {
    const found = await openPfx(bytesOf(each), each.password);
    expect(found.map((identity) => [kindOf(identity), fingerprint(identity.certificate)])).toEqual(each.identities);
    for (const identity of found) {
      expect(identity.chain.map(fingerprint)).toEqual(chain);
      expect(await signsForItsCertificate(identity)).toBe(true);
    }
  });

  test.each(refused)('$file ($row) is refused as $code', { timeout: SLOW }, async (each) => {
    await expect(openPfx(bytesOf(each), each.password)).rejects.toMatchObject({ name: 'PfxError', code: each.code });
  });

  const encrypted = readable.filter(({ file }) => file !== 'openssl-none-nomac.p12');
  test.each(encrypted)('$file ($row) does not open with another password', { timeout: SLOW }, async (each) => {
    for (const wrong of [`${each.password} `, each.password === '' ? 'x' : '']) {
      await expect(openPfx(bytesOf(each), wrong)).rejects.toMatchObject({ code: 'wrong-secret' });
    }
  });
});

describe('what is handed over', () => {
  test('the caller keeps its bytes unchanged', async () => {
    const data = bytesOf(vector('openssl-none.p12'));
    await openPfx(data, 'correct horse');
    expect(data).toEqual(bytesOf(vector('openssl-none.p12')));
  });

  test('an EC key without its public key gets the one of its certificate', async () => {
    const [bare] = await openPfx(bytesOf(vector('hand-no-public-key.p12')), 'correct horse');
    const [whole] = await openPfx(bytesOf(vector('hand-untied.p12')), 'correct horse');
    const jwk = async (identity: PfxIdentity | undefined) => crypto.subtle.exportKey('jwk', await imported(identity, true));
    expect(await jwk(bare)).toEqual(await jwk(whole));
    // [1] publicKey at the end: 00, 04 and two coordinates of 32 bytes.
    expect(bare?.pkcs8.slice(-70, -64)).toEqual(Uint8Array.of(0xa1, 0x44, 0x03, 0x42, 0x00, 0x04));
  });
});

afterEach(() => vi.restoreAllMocks());

describe('what is left behind', () => {
  test.each([
    ['openssl-modern-P-256.p12', 'correct horse', 'opened'],
    ['openssl-nomac.p12', 'battery staple', 'refused'],
    ['hand-pbmac1-sha512-sha512.p12', 'correct horse', 'opened'],
  ])('of %s with "%s" (%s), every key and password that WebCrypto was given is wiped', async (file, password, outcome) => {
    const importKey = vi.spyOn(crypto.subtle, 'importKey');
    const found = await openPfx(bytesOf({ file }), password).catch(() => []);
    expect(found.length > 0).toBe(outcome === 'opened');
    const given = importKey.mock.calls.filter(([format]) => format === 'raw').map(([, bytes]) => bytes as Uint8Array);
    expect(given.length).toBeGreaterThan(0);
    expect(given.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
  });

  test('private keys that did not become an identity are wiped', async () => {
    const importKey = vi.spyOn(crypto.subtle, 'importKey');
    await expect(openPfx(bytesOf(vector('refuse-strangers.p12')), 'correct horse')).rejects.toThrow();
    await expect(openPfx(bytesOf(vector('hand-tied-wrong.p12')), 'correct horse')).resolves.toHaveLength(1);
    const tried = importKey.mock.calls.filter(([format]) => format === 'pkcs8').map(([, bytes]) => bytes as Uint8Array);
    expect(tried.length).toBeGreaterThan(1);
    expect(tried.filter((bytes) => bytes.some((byte) => byte !== 0))).toHaveLength(1); // the one handed over
  });
});

describe('hostile files', () => {
  test('a file above 2 MB is refused unread', async () => {
    await expect(openPfx(new Uint8Array(2_000_001), '')).rejects.toMatchObject({ code: 'failed' });
  });

  test('nesting without end is refused', async () => {
    await expect(openPfx(Uint8Array.from({ length: 200_000 }, (_, at) => (at % 2 ? 0x80 : 0x30)), '')).rejects
      .toMatchObject({ code: 'failed' });
  });

  test('a fault of the browser itself is a PfxError too', async () => {
    vi.spyOn(crypto.subtle, 'importKey').mockRejectedValue(new TypeError('not here'));
    await expect(openPfx(bytesOf(vector('openssl-nomac.p12')), 'correct horse')).rejects
      .toMatchObject({ name: 'PfxError', code: 'failed' });
  });

  test('a password of any length or script gives an answer', async () => {
    const data = bytesOf(vector('openssl-3des.p12'));
    for (const password of ['\0', '\ud800', '𝔘𝔫𝔦', 'é'.repeat(200_000)]) {
      await expect(openPfx(data, password)).rejects.toMatchObject({ code: 'wrong-secret' });
    }
  }, SLOW);
});

async function imported(identity: PfxIdentity | undefined, extractable: boolean): Promise<CryptoKey> {
  if (identity === undefined) throw new Error('no identity');
  const algorithm = { ...identity.algorithm, hash: 'SHA-256' };
  return crypto.subtle.importKey('pkcs8', identity.pkcs8, algorithm, extractable, ['sign']);
}

async function signsForItsCertificate(identity: PfxIdentity): Promise<boolean> {
  const algorithm = { ...identity.algorithm, hash: 'SHA-256' };
  const signature = await crypto.subtle.sign(algorithm, await imported(identity, false), MESSAGE);
  const { publicKey } = new X509Certificate(identity.certificate);
  return verify('sha256', MESSAGE, { key: publicKey, dsaEncoding: 'ieee-p1363' }, new Uint8Array(signature));
}
