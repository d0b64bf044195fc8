/**
 * The page's texts in the signer's language. A language is one JSON file in this folder; all have the keys of `en.json`
 * (the build stops at a difference). Only the one that is wanted is loaded, as data: it is no script.
 */
import type en from './en.json';

export type Texts = typeof en;

/** Language tag (BCP 47) -> address. */
const addresses = Object.fromEntries(
  Object.entries(import.meta.glob<string>('./*.json', { query: '?url', import: 'default', eager: true })).map(
    ([file, address]) => [file.slice(2, -5), address],
  ),
);

/** What the server has chosen for this signer: it knows his wish, the session's and the browser's. */
export const language = document.documentElement.lang in addresses ? document.documentElement.lang : 'en';

export const texts: Texts = await load(addresses[language] ?? '');

async function load(address: string): Promise<Texts> {
  const response = await fetch(address, { credentials: 'omit' });
  if (!response.ok) throw new Error(`the texts did not load: ${response.status}`);
  return (await response.json()) as Texts;
}
