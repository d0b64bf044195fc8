import { afterEach, beforeEach, expect, test, vi } from 'vitest';

beforeEach(() => void vi.resetModules());
afterEach(() => void vi.unstubAllGlobals());

test.each([
  ['en', ['es-MX', 'en-US', 'en-GB'], 'en-US'],
  ['en', ['en_US', 'en-US@posix', 'en-CA'], 'en-CA'],
  ['en', ['en_US'], 'en-GB'],
  ['es', ['es-419'], 'es-419'],
  ['pt-BR', ['pt-Latn-PT'], 'pt-Latn-PT'],
  ['pt-BR', ['en'], 'pt-BR'],
])('%s is written for a browser of %j as in %s', async (lang, languages, expected) => {
  vi.stubGlobal('document', { documentElement: { lang } });
  vi.stubGlobal('navigator', { languages });
  vi.stubGlobal('fetch', async () => ({ ok: true, json: async () => ({}) }));
  const { locale } = await import('./catalogue');
  expect(locale()).toBe(expected);
  expect(() => new Intl.NumberFormat(locale())).not.toThrow();
});
