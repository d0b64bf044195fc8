import { afterEach, expect, test, vi } from 'vitest';
import { leaves } from './ended';

vi.mock('../texts/catalogue', async () => ({ texts: (await import('../texts/en.json')).default, language: 'en', locale: () => 'en' }));

afterEach(() => void vi.restoreAllMocks());

test.each([
  ['back_forward', false, false],
  ['back_forward', true, true],
  ['navigate', false, true],
])('an end that came by %s, seen open before: %s, leads on by itself: %s', (type, live, expected) => {
  vi.spyOn(performance, 'getEntriesByType').mockReturnValue([{ type } as unknown as PerformanceEntry]);
  expect(leaves(live)).toBe(expected);
});
