import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { passing } from '../session/problem';
import en from './en.json';
import { sentence, size } from './format';
import { become, differences, filled } from './message';

vi.mock('./catalogue', async () => ({ texts: (await import('./en.json')).default, language: 'en', locale: () => 'en' }));

const folder = new URL('.', import.meta.url);
const catalogues = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => [name, JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as typeof en] as const);

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
  'DatabaseNotFound',
  'FileNotFound',
  'EventsPurged',
  'DeadJobNotFound',
  'WebhookNotFound',
  'DeliveryNotFound',
  'EventNotFound',
  'BadWebhookOperation',
  'TooManyWebhooks',
  'NameTaken',
  'OwnApplication',
  'StillInUse',
  'ApiKeyNotFound',
  'ApiKeyRevoked',
  'UnknownField',
  'PdfAConversionNotAvailable',
  'UriTooLong',
  'HeadersTooLarge',
  'DataNotExpected',
  'NotSupported',
  'SignatureSessionTokenRequired',
  'ExpiredSignatureSessionToken',
  'SignatureValueMissing',
  'BadMetadata',
  'DocumentKeyNotFound',
  'DocumentKeyInUse',
  'DocumentInProcessing',
  'UploadNotFound',
  'UploadIncomplete',
  'UploadDigestMismatch',
  'IdempotencyKeyReused',
  'ReturnUrlNotAllowed',
  'BadSignatureState',
  'SecurityContextNotFound',
  'FileDownloadFailed',
  'AugmentationImpossible',
  'BadTimestampProvider',
  'BadPolicyList',
  'BadTrustedList',
  'LastTimestampProvider',
  'SignaturePolicyNotFound',
  'TimestampProviderNotFound',
  'TooManySecurityContexts',
  'BadSecurityContext',
  'SecurityContextInUse',
  'DemoFails',
  'TimestampTooLarge',
  'NotSigned',
  'BadFileNamePattern',
  'BadFrameOrigin',
  'BadLogo',
  'LowContrast',
  'SecretUnreadable',
  'DocumentInProcessing',
  'TimestampNotAccepted',
  'TimestampRefused',
  'TimestampTierNotFound',
  'TimestampUnavailable',
  'KeepingRefused',
  'BackupPlaceRefused',
  'BackupNoRoom',
  'BackupNotFound',
  'BackupDamaged',
  'BackupNewer',
  'BackupUnderWay',
  'OtherUser',
  'DatabaseDamaged',
  'OtherSecretKey',
  'InstallationNotEmpty',
  'InstallationInUse',
  'DatabaseNotCurrent',
];

/** The first table: those after it are of failures that come with 200, and of the Python client. */
const refusals =
  readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
    .split(/^## /m)
    .find((section) => section.startsWith('Error codes')) ?? '';
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
    expect(sentence({ code: 'constructor', message: '' })).toContain('constructor');
  });

  test('a refused file has the reason of the application, where it gave one', () => {
    expect(sentence({ code: 'FileRejected', message: '', reason: 'Too old {x}.' })).toContain('Too old {x}.');
    expect(sentence({ code: 'FileRejected', message: '' })).toBe(en.problems.FileRejected);
  });

  test.each(catalogues)('every sentence of %s is one, with its full stop', (_name, { problems }) => {
    for (const text of Object.values(problems)) expect(text).toMatch(/^\p{Lu}.*\.$/u);
  });

  test.each(catalogues)('what to do instead of a certificate in %s can be left out', (_name, { certificates, problems }) => {
    expect(problems.CertificateExpired.replace(certificates.instead, '').trim()).toMatch(/^[^.]+\.$/);
  });

  test('one says "try again" where a button for that is shown, and nowhere else', () => {
    // Those of keys: the button of the form is how they are tried again.
    const said = Object.entries(en.problems).filter(([code]) => !/^key-|^CertificateRevocationStatusUnknown$/.test(code));
    const wrong = said.filter(([code, text]) => /try again/i.test(text) !== passing({ code }));
    expect(wrong.map(([code]) => code)).toEqual([]);
  });

  test.each(catalogues)('no notice of %s has more than two sentences', (_name, catalogue) => {
    const long = textsIn(catalogue).filter((text) => (text.match(/[.?!](?= \p{Lu}|$)/gu) ?? []).length > 2);
    expect(long).toEqual([]);
  });
});

describe('findings of pre-flight', () => {
  const codes = [
    ...readFileSync(new URL('../../../docs/preflight.md', import.meta.url), 'utf8').matchAll(/^\| `(\w+)` \|/gm),
  ].map(([, code]) => code ?? '');

  test('each documented code has a sentence, and no other', () => {
    expect(codes.length).toBeGreaterThan(5);
    expect(Object.keys(en.findings).sort()).toEqual(codes.sort());
  });
});

/** Every text, of plurals all forms. */
function textsIn(value: unknown): string[] {
  return typeof value === 'string' ? [value] : Object.values(value as object).flatMap(textsIn);
}

test.each([
  [1, '1 byte'],
  [926, '926 bytes'],
  [1536, '2 kB'],
  [104_857_600, '100 MB'],
  [1_500_000, '1.4 MB'],
])('%i bytes are written %s', (bytes, text) => {
  expect(size(bytes)).toBe(text);
});

describe('catalogues', () => {
  test('there are three', () => {
    expect(catalogues.map(([name]) => name)).toEqual(['en.json', 'es.json', 'pt-BR.json']);
  });

  test.each(catalogues)('%s has the keys, places and plurals of en.json', (_name, catalogue) => {
    expect(differences(en, catalogue)).toEqual([]);
  });

  test.each(catalogues.filter(([name]) => name !== 'en.json'))('%s is not English', (_name, catalogue) => {
    const same = Object.entries(catalogue.problems).filter(([code, text]) => text === en.problems[code as keyof typeof en.problems]);
    expect(same).toEqual([]);
  });

  test('a missing key, one in excess, another place and a lost plural are told', () => {
    const model = { a: 'x {n}', b: { one: '1', other: '{count}' }, c: { d: 'y' } };
    expect(differences(model, { a: 'x {m}', b: '{count}', c: {}, e: 'z' })).toEqual(['a', 'b', 'c.d', 'e']);
    expect(differences(model, { a: '{n} x', b: { one: 'um', many: '{count} de', other: '{count}' }, c: { d: '' } })).toEqual([]);
  });
});

test('a catalogue becomes another one, and its parts remain where they are', () => {
  const texts = { a: 'one', b: { c: 'two', d: { one: 'x', other: 'y' } }, e: 'gone' };
  const { b } = texts;
  const other = { a: 'uno', b: { c: 'dos', d: { one: 'x', many: 'w', other: 'z' } } };
  become(texts, other);
  expect(texts).toEqual(other);
  expect(texts.b).toBe(b);
});

describe('messages', () => {
  const pages = { zero: 'none', one: '1 page', other: '{count} pages' };

  test.each([
    [pages, { count: 0 }, 'en', 'none'],
    [pages, { count: 1 }, 'en', '1 page'],
    [{ one: 'Documento', other: 'Documentos' }, { count: 0 }, 'pt-BR', 'Documentos'],
    [pages, { count: 2000 }, 'en', '2,000 pages'],
    [pages, { count: 2000 }, 'pt-BR', '2.000 pages'],
    ['{name} and {name}', { name: '<b>$&{x}' }, 'en', '<b>$&{x} and <b>$&{x}'],
    ['{missing}', {}, 'en', '{missing}'],
  ] as const)('%j with %j in %s', (message, values, language, text) => {
    expect(filled(message, values, language)).toBe(text);
  });
});
