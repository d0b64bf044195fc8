/** The subscription's colours. Custom properties only, set by the object model: the page's policy allows no style text. */
import type { Branding } from '../server/model';

const PROPERTIES = { accent: '--brand', accentDark: '--brand-dark' } as const;

/** Make the page's accent that of `branding`; null: as the page comes. */
export function paint(style: CSSStyleDeclaration, branding: Branding | null): void {
  for (const [key, property] of Object.entries(PROPERTIES) as [keyof typeof PROPERTIES, string][]) {
    const colour = branding?.[key] ?? null;
    if (colour === null) style.removeProperty(property);
    else style.setProperty(property, colour);
  }
}
