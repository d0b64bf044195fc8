import type { VNode } from 'preact';
import { expect, test, vi } from 'vitest';

vi.mock('../texts/catalogue', async () => ({ texts: (await import('../texts/en.json')).default, language: 'en', locale: () => 'en', languages: ['en', 'es'] }));
vi.stubGlobal('history', { length: 2 });

const { Plain } = await import('./page');
const { Languages } = await import('./top');

test('a link that is not valid says so in the language that is chosen', () => {
  const onSpoken = () => undefined;
  const { children } = Plain({ onSpoken }).props as { children: VNode<{ onChosen?: unknown }>[] };
  expect(children.find(({ type }) => type === Languages)?.props.onChosen).toBe(onSpoken);
});
