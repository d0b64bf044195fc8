// @vitest-environment node
import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { bytesOf, readable } from '../../../tests/vectors';
import { DerError, encode, OID, SEQUENCE, SET } from '../../bytes/der';
import { readCertificate } from './certificate';
import { openPfx } from './reader';

const NUMBER = 0x02;
const [UTF8, PRINTABLE, TELETEX, UTC_TIME, GENERALIZED_TIME, BMP] = [0x0c, 0x13, 0x14, 0x17, 0x18, 0x1e];
const [CN, O, C] = [[0x55, 4, 3], [0x55, 4, 10], [0x55, 4, 6]] as const;
const text = (value: string) => new TextEncoder().encode(value);

describe('a certificate for display', () => {
  test('agrees with what Node reads in every certificate of the vectors', { timeout: 60_000 }, async () => {
    for (const vector of readable.filter(({ file }) => /three-keys|modern-(P|rsa)/.test(file))) {
      for (const { certificate, chain } of await openPfx(bytesOf(vector), vector.password)) {
        for (const der of [certificate, ...chain]) {
          const theirs = new X509Certificate(der);
          const ours = readCertificate(der);
          expect(theirs.subject).toContain(`CN=${ours.subject}`);
          expect(theirs.issuer).toContain(`CN=${ours.issuer}`);
          expect(Number.parseInt(ours.serial, 16)).toBe(Number.parseInt(theirs.serialNumber, 16));
          expect(ours.notBefore).toEqual(new Date(theirs.validFrom));
          expect(ours.notAfter).toEqual(new Date(theirs.validTo));
        }
      }
    }
  });

  test.each([
    ['the common name', [[O, UTF8, text('Org')], [CN, UTF8, text('Ana José')]], 'Ana José'],
    ['the last of two common names', [[CN, UTF8, text('Unit')], [CN, UTF8, text('Ana')]], 'Ana'],
    ['the organization without one', [[C, PRINTABLE, text('BR')], [O, PRINTABLE, text('Org')]], 'Org'],
    ['the whole name without either', [[C, PRINTABLE, text('BR')], [[0x55, 4, 5], PRINTABLE, text('7')]], 'C=BR, 2.5.4.5=7'],
    ['a BMPString', [[CN, BMP, Uint8Array.of(0x20, 0xac, 0, 0x41)]], '€A'],
    ['a TeletexString', [[CN, TELETEX, Uint8Array.of(0x4a, 0xe9)]], 'Jé'],
    ['a name without control and direction marks', [[CN, UTF8, text('A\u202en\u2066a\n\0')]], 'Ana'],
    ['an empty name', [], ''],
  ] as const)('shows %s', (_, attributes, shown) => {
    expect(readCertificate(certificate({ subject: name(attributes) })).subject).toBe(shown);
  });

  test('reads times of both forms and centuries', () => {
    const validity = (from: string, to: string) => readCertificate(certificate({
      validity: encode(SEQUENCE, encode(UTC_TIME, text(from)), encode(GENERALIZED_TIME, text(to))),
    }));
    const read = validity('500102030405Z', '20991231235959Z');
    expect(read.notBefore.toISOString()).toBe('1950-01-02T03:04:05.000Z');
    expect(read.notAfter.toISOString()).toBe('2099-12-31T23:59:59.000Z');
    expect(validity('491231235959Z', '20500101000000Z').notBefore.getUTCFullYear()).toBe(2049);
    for (const wrong of ['4912312359Z', '491231235959+0000', '20491231235959Z', '491331235959Z', 'now']) {
      expect(() => validity(wrong, '20500101000000Z')).toThrow(DerError);
    }
  });

  test('a version 1 certificate, without the version, is read as well', () => {
    expect(readCertificate(certificate({ version: [] })).subject).toBe('Ana');
  });

  test('what is no certificate throws DerError', () => {
    const whole = certificate({});
    for (let end = 0; end < whole.length; end++) {
      expect(() => readCertificate(whole.subarray(0, end))).toThrow(DerError);
    }
    expect(() => readCertificate(new Uint8Array(whole.length))).toThrow(DerError);
  });
});

interface Fields {
  readonly version?: Uint8Array[];
  readonly subject?: Uint8Array;
  readonly validity?: Uint8Array;
}

function certificate({ version, subject, validity }: Fields): Uint8Array {
  const algorithm = encode(SEQUENCE, encode(OID, Uint8Array.of(0x2a)));
  const key = encode(SEQUENCE, algorithm, encode(0x03, Uint8Array.of(0)));
  const times = encode(SEQUENCE, encode(UTC_TIME, text('260101000000Z')), encode(UTC_TIME, text('270101000000Z')));
  const ana = name([[CN, UTF8, text('Ana')]]);
  const v3 = [encode(0xa0, encode(NUMBER, Uint8Array.of(2)))];
  const serial = encode(NUMBER, Uint8Array.of(1));
  const toBeSigned = [...(version ?? v3), serial, algorithm, ana, validity ?? times, subject ?? ana, key];
  return encode(SEQUENCE, encode(SEQUENCE, ...toBeSigned), algorithm, encode(0x03, Uint8Array.of(0)));
}

function name(attributes: readonly (readonly [oid: readonly number[], tag: number, value: Uint8Array])[]): Uint8Array {
  const sets = attributes.map(([oid, tag, value]) =>
    encode(SET, encode(SEQUENCE, encode(OID, Uint8Array.from(oid)), encode(tag, value))));
  return encode(SEQUENCE, ...sets);
}
