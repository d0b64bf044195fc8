import type { VNode } from 'preact';
import { language, languages, nameOf, texts } from '../texts/format';

/** A choice of one's own is in the address, so that it outlives a reload; the page then begins where the server stands. */
export function Languages(): VNode {
  return (
    <nav class="languages" aria-label={texts.language}>
      <ul>
        {languages.map((tag) => (
          <li key={tag}>
            {tag === language ? (
              <span aria-current="true" lang={tag}>
                {nameOf(tag)}
              </span>
            ) : (
              <a href={`?lang=${tag}`} lang={tag} hreflang={tag}>
                {nameOf(tag)}
              </a>
            )}
          </li>
        ))}
      </ul>
    </nav>
  );
}
