// @vitest-environment node
import { sha256 } from '@noble/hashes/sha2.js';
import { expect, test } from 'vitest';
import { derivePkcs12, IterationBudget, KEY, MAC_KEY, Secret } from './kdf';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('a password is a BMPString with its terminator, and UTF-8', () => {
  const secret = new Secret('é€');
  expect(hex(secret.bmp[0] ?? new Uint8Array())).toBe('00e920ac0000');
  expect(hex(secret.utf8)).toBe('c3a9e282ac');
});

test('only an empty and a non-ASCII password have a second encoding', () => {
  expect(new Secret('ana').bmp.map(hex)).toEqual(['0061006e00610000']);
  expect(new Secret('').bmp.map(hex)).toEqual(['0000', '']);
  expect(new Secret('é').bmp.map(hex)).toEqual(['00e90000', '00c300a90000']);
});

test('the encoding that proved right comes first', () => {
  const secret = new Secret('');
  secret.prefer(secret.bmp[1] ?? new Uint8Array());
  expect(secret.bmp.map(hex)).toEqual(['', '0000']);
});

test('a wiped secret holds zeros only', () => {
  const secret = new Secret('sénha');
  const all = [secret.utf8, ...secret.bmp];
  secret.wipe();
  expect(all.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
});

// Made with OpenSSL 3.0: openssl kdf -keylen 40 -kdfopt digest:SHA256 ... PKCS12KDF, password "smeg".
test.each([
  [KEY, '8c8ec99d51446b9ddd6cade1696c9e5db5f40dede874219f6654626b604f5a7c968ee4288bb1b373'],
  [MAC_KEY, '35ac16a454d608fb10c8d7c6338ca85818587aed0ff771fd265957e412c2c03c26ad8fa213a9fcf3'],
])('PKCS#12 derivation for purpose %i gives what OpenSSL gives', (purpose, expected) => {
  const password = new Secret('smeg').bmp[0] ?? new Uint8Array();
  const salt = Uint8Array.from([0x0a, 0x58, 0xcf, 0x64, 0x53, 0x0d, 0x82, 0x3f]);
  expect(hex(derivePkcs12({ hash: sha256, password, salt, iterations: 1000 }, purpose, 40))).toBe(expected);
});

test('one derivation may take two million iterations, and all of a file eight', () => {
  const budget = new IterationBudget();
  expect(() => budget.spend(2_000_001, 1)).toThrow('too many');
  const other = new IterationBudget();
  for (let count = 0; count < 4; count++) other.spend(2_000_000, 1);
  expect(() => other.spend(1, 1)).toThrow('too many');
  expect(() => new IterationBudget().spend(1_500_000, 6)).toThrow('too many');
  expect(() => new IterationBudget().spend(0, 1)).toThrow('no iterations');
});
