import type { VNode } from 'preact';
import type { Requirement } from '../server/model';
import { fill, texts } from '../texts/format';

/** What the application requires of the certificate, said before anybody looks for one. */
export function Requirements({ required }: { readonly required: readonly Requirement[] }): VNode | null {
  if (required.length === 0) return null;
  return (
    <div class="requirements">
      <p>{texts.requirements.heading}</p>
      <ul>
        {required.map(({ type, argument }) => (
          <li key={type}>{fill(texts.requirements[type], { argument: argument ?? '' })}</li>
        ))}
      </ul>
    </div>
  );
}
