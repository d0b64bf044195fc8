import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Digests } from './digests';

const BYTES = new Uint8Array(200_000).map((_, index) => index % 251);
const file = () => new Blob([BYTES]);
const hash = (algorithm: string, ...parts: readonly Uint8Array[]) =>
  parts.reduce((made, part) => made.update(part), createHash(algorithm)).digest();

test.each(['SHA256', 'SHA384', 'SHA512'] as const)('a file has its fingerprint and its %s, followed by anything', async (name) => {
  const digests = new Digests();
  expect(await digests.read('a', file(), name)).toEqual({ sha256: hash('SHA256', BYTES).toString('hex'), length: BYTES.length });
  const tails = [Uint8Array.of(1, 2), Uint8Array.of(3)];
  for (let times = 0; times < 2; times++) {
    expect(Buffer.from(digests.followed('a', name, tails))).toEqual(hash(name, BYTES, ...tails));
  }
});

test('what was not read, or not with that algorithm, has no digest', async () => {
  const digests = new Digests();
  await digests.read('a', file(), 'SHA384');
  expect(() => digests.followed('b', 'SHA256', [])).toThrow(RangeError);
  expect(() => digests.followed('a', 'SHA512', [])).toThrow(RangeError);
});
