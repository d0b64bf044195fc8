// @vitest-environment node
import { expect, test } from 'vitest';
import { bytesOf, vector } from '../../../tests/vectors';
import { openPfx, PfxError } from './reader';

/** Those without a MAC let damage through to the bags, the ciphers and the keys. */
const FILES = [
  'openssl-none-nomac', 'openssl-nomac', 'openssl-nomac-legacy',
  'openssl-3des', 'openssl-modern-P-256', 'hand-ber-legacy', 'hand-ber-modern', 'hand-pbmac1-sha256-sha256',
];
const EACH = 250; // 2,000 in all

test.each(FILES)('%s, damaged in any way, is read or refused with a PfxError', { timeout: 120_000 }, async (name) => {
  const { file, password } = vector(`${name}.p12`);
  const whole = bytesOf({ file });
  const random = generator(name.length);
  let refused = 0;
  for (let round = 0; round < EACH; round++) {
    const damaged = damage(whole, random);
    try {
      const identities = await openPfx(damaged, password);
      expect(identities.length, `round ${round}`).toBeGreaterThan(0);
    } catch (error) {
      expect(error, `round ${round}`).toBeInstanceOf(PfxError);
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(EACH / 4); // else the damage did not reach anything
});

/** One to three damages: bits flipped, a length byte replaced, a piece cut out, doubled or filled in. */
function damage(whole: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes = [...whole];
  for (let count = 1 + random(3); count > 0; count--) {
    // Half of the damages fall on the structure at the front, where they do the most.
    const at = random(random(2) ? 120 : bytes.length);
    const length = 1 + random(40);
    const piece = bytes.slice(at, at + length);
    const ways = [
      () => bytes.splice(at, 1, (bytes[at] ?? 0) ^ (1 << random(8))),
      () => bytes.splice(at, 1, [0x80, 0xff, 0x84, 0x00, 0x30, 0x24][random(6)] ?? 0),
      () => bytes.splice(at, length),
      () => bytes.splice(at, 0, ...piece),
      () => bytes.splice(at, 0, ...piece.map(() => random(256))),
      () => (bytes = bytes.slice(0, Math.max(at, 1))),
    ];
    ways[random(ways.length)]?.();
  }
  return Uint8Array.from(bytes);
}

/** Integers below a bound, the same in each run (mulberry32). */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
