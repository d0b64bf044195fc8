import { expect, test } from 'vitest';
import { paint } from './branding';

/** What `CSSStyleDeclaration` does with custom properties. */
class Style {
  readonly set = new Map<string, string>();
  setProperty(name: string, value: string): void {
    this.set.set(name, value);
  }
  removeProperty(name: string): void {
    this.set.delete(name);
  }
}

const BRAND = { name: 'Acme', hasLogo: false, accent: '#7a1fa2', accentDark: '#d9a7f0' };

function painted(...brandings: readonly Parameters<typeof paint>[1][]): Record<string, string> {
  const style = new Style();
  for (const branding of brandings) paint(style as unknown as CSSStyleDeclaration, branding);
  return Object.fromEntries(style.set);
}

test('a brand sets its two colours and nothing else', () => {
  expect(painted(BRAND)).toEqual({ '--brand': '#7a1fa2', '--brand-dark': '#d9a7f0' });
});

test('a colour that a brand does not have stays as the page has it', () => {
  expect(painted({ ...BRAND, accentDark: null })).toEqual({ '--brand': '#7a1fa2' });
  expect(painted(BRAND, { ...BRAND, accent: null })).toEqual({ '--brand-dark': '#d9a7f0' });
  expect(painted(BRAND, null)).toEqual({});
});
