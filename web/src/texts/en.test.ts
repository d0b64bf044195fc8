import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { en } from './en';
import { sentence, size } from './format';

/** Codes of `docs/errors.md` that a signer cannot meet: they answer applications, or the page takes care of them. */
const NOT_FOR_SIGNERS = [
  'BadRequest',
  'BadReturnUrl',
  'BadCallbackArgument',
  'Unauthorized',
  'Forbidden',
  'BadDownloadToken',
  'ExpiredDownloadToken',
  'RouteNotFound',
  'MethodNotAllowed',
  'UnsupportedMediaType',
  'NotFound',
  'ApplicationNotFound',
  'SubscriptionNotFound',
  'FileNotFound',
  'NameTaken',
  'NotSupported',
  'SignatureSessionTokenRequired',
  'ExpiredSignatureSessionToken',
  'SignatureValueMissing',
  'BadMetadata',
  'DocumentKeyNotFound',
  'DocumentKeyInUse',
  'UploadNotFound',
  'UploadIncomplete',
  'UploadDigestMismatch',
  'IdempotencyKeyReused',
  'ReturnUrlNotAllowed',
  'BadSignatureState',
  'SecurityContextNotFound',
  'FileDownloadFailed',
  'NotSigned',
];

/** The first table: those after it are of failures that come with 200, and of the Python client. */
const [refusals = ''] = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8').split(/^## /m);
const documented = [...refusals.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code ?? '');

describe('sentences', () => {
  test('the documented codes were found', () => {
    expect(documented.length).toBeGreaterThan(40);
    expect(documented).toEqual(expect.arrayContaining(NOT_FOR_SIGNERS));
  });

  test.each(documented.filter((code) => !NOT_FOR_SIGNERS.includes(code)))('%s has one', (code) => {
    expect(Object.keys(en.problems)).toContain(code);
  });

  test('an unknown code falls back on the words of the server', () => {
    expect(sentence({ code: 'Brandnew', message: 'The moon is wrong.' })).toContain('The moon is wrong.');
    expect(sentence({ code: 'Brandnew', message: '' })).toContain('Brandnew');
  });

  test('every sentence is one, with its full stop', () => {
    for (const text of Object.values(en.problems)) expect(text).toMatch(/^[A-Z].*\.$/);
  });
});

test.each([
  [1, '1 byte'],
  [926, '926 bytes'],
  [1536, '2 kB'],
  [104_857_600, '100 MB'],
  [1_500_000, '1.4 MB'],
])('%i bytes are written %s', (bytes, text) => {
  expect(size(bytes)).toBe(text);
});
