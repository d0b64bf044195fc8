/**
 * The page's texts in the signer's language. A language is one JSON file in this folder; all have the keys of `en.json`
 * (the build stops at a difference). Only the one that is wanted is loaded, as data: it is no script.
 */
import type en from './en.json';
import { become } from './message';

export type Texts = typeof en;

/** Language tag (BCP 47) -> address. */
const addresses = Object.fromEntries(
  Object.entries(import.meta.glob<string>('./*.json', { query: '?url', import: 'default', eager: true })).map(
    ([file, address]) => [file.slice(2, -5), address],
  ),
);

/** Tags of all languages that there are. */
export const languages: readonly string[] = Object.keys(addresses);

/** What the server has chosen for this signer: it knows their wish, the session's and the browser's. */
export let language = document.documentElement.lang in addresses ? document.documentElement.lang : 'en';

/** A language of two letters, perhaps its script, perhaps its region. */
const WRITTEN = /^..(-[a-z]{4})?(-([a-z]{2}|\d{3}))?$/i;

/**
 * The language as the signer's own browser writes numbers and dates: its region, where it speaks the page's language. Of
 * two ways to write English the one for the whole world has the day before the month. A browser may be set to a tag that
 * is none (`en_US`): `Intl` would throw.
 */
export function locale(): string {
  const own = navigator.languages.find((tag) => tag.startsWith(language.slice(0, 2)) && WRITTEN.test(tag));
  return own ?? (language === 'en' ? 'en-GB' : language);
}

/** Whoever keeps a part of it (`texts.review`) has that of the new language after `speak`; a single text stays the old one. */
export const texts: Texts = await load(language);

/** Go on in another language. Throws Error when it does not load: then all stays as it is. */
export async function speak(wanted: string): Promise<void> {
  become(texts, await load(wanted));
  language = wanted;
}

async function load(tag: string): Promise<Texts> {
  const response = await fetch(addresses[tag] ?? '');
  if (!response.ok) throw new Error(`the texts did not load: ${response.status}`);
  return (await response.json()) as Texts;
}
