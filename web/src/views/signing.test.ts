import type { VNode } from 'preact';
import { expect, test, vi } from 'vitest';
import type { Phase } from '../session/flow';
import { Signing } from './signing';

vi.mock('../texts/catalogue', async () => ({ texts: (await import('../texts/en.json')).default, language: 'en', locale: () => 'en' }));

type Child = VNode<{ children?: Child; role?: string }> | string | null | readonly Child[];

function textOf(node: Child | undefined): string {
  if (typeof node === 'string') return node;
  if (Array.isArray(node)) return node.map(textOf).join('');
  return textOf((node as VNode<{ children?: Child }> | null)?.props.children ?? '');
}

/** What a screen reader is told by itself of one document. */
function told(phase: Phase): string {
  const { children } = Signing({ progress: { phase, done: 0, total: 1, part: 0 }, problem: null }).props as { children: Child[] };
  const live = children.filter((child) => (child as VNode<{ role?: string }> | null)?.props?.role === 'status');
  return live.map(textOf).join(' ').trim();
}

test.each([
  ['preparing', 'Preparing your documents. Do not close this page yet.'],
  ['checking', 'Checking your documents. Do not close this page yet.'],
  ['signing', 'Signing your documents. Do not close this page yet.'],
  ['sending', 'Saving your signatures. Do not close this page yet.'],
  ['processing', 'Your signatures are saved. We are finishing your documents. You can close this page.'],
] as const)('%s is told to a screen reader', (phase, sentence) => {
  expect(told(phase)).toBe(sentence);
});
