// @vitest-environment node
import { sha256 } from '@noble/hashes/sha2.js';
import { expect, test } from 'vitest';
import { encode, INTEGER, OCTET_STRING, OID, SEQUENCE } from '../../bytes/der';
import { parse } from './asn1';
import { derivePbkdf2, derivePkcs12, IterationBudget, KEY, MAC_KEY, Secret } from './kdf';

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

const salt = encode(OCTET_STRING, new TextEncoder().encode('salt'));
const number = (...bytes: number[]) => encode(INTEGER, Uint8Array.from(bytes));
const id = (hexadecimal: string) => encode(OID, Uint8Array.from(Buffer.from(hexadecimal, 'hex')));
const pbkdf2 = (...fields: Uint8Array[]) =>
  parse(encode(SEQUENCE, id('2a864886f70d01050c'), encode(SEQUENCE, ...fields)));

test('PBKDF2 with nothing but salt and iterations is that of HMAC-SHA-1', async () => {
  // RFC 6070, second vector.
  const derived = await derivePbkdf2(pbkdf2(salt, number(2)), new Secret('password'), 20);
  expect(hex(derived)).toBe('ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957');
});

test.each([
  ['another length than the cipher takes', pbkdf2(salt, number(1), number(16)), 32, 'failed'],
  ['no length at all', pbkdf2(salt, number(1)), undefined, 'failed'],
  ['a length that is no key', pbkdf2(salt, number(1), number(0x7f, 0xff)), undefined, 'unsupported'],
  ['HMAC-SHA-224, which WebCrypto lacks', pbkdf2(salt, number(1), encode(SEQUENCE, id('2a864886f70d0208'))), 20, 'unsupported'],
  ['a salt from elsewhere', pbkdf2(encode(SEQUENCE), number(1)), 20, 'unsupported'],
  ['no iterations', pbkdf2(salt, number(0)), 20, 'failed'],
  ['negative iterations', pbkdf2(salt, number(0xff)), 20, 'failed'],
  ['iterations beyond counting', pbkdf2(salt, number(1, 0, 0, 0, 0, 0, 0)), 20, 'failed'],
  ['more iterations than allowed', pbkdf2(salt, number(0x7f, 0, 0, 0)), 20, 'unsupported'],
] as const)('PBKDF2 is refused with %s', async (_, algorithm, length, code) => {
  await expect(derivePbkdf2(algorithm, new Secret('password'), length)).rejects.toMatchObject({ code });
});
