/** Who has confirmed who a signer is: a sign and words, so that nobody has to see a colour. */
import type { VNode } from 'preact';
import type { SignerView } from '../server/model';
import { fill, moment, texts } from '../texts/format';
import { Icon } from './icon';

const t = texts.vouched;

/** `by`: the authority, as the server has found it; null: nobody. `why`: what that means here. */
export function Vouched({ by, why = t.why }: { readonly by: string | null; readonly why?: string | undefined }): VNode {
  if (by !== null) {
    return (
      <span class="vouched">
        <Icon name="done" />
        {fill(t.by, { authority: by })}
      </span>
    );
  }
  return (
    <span class="vouched nobody">
      <Icon name="warning" />
      <span>
        <strong>{t.nobody}</strong> {why}
      </span>
    </span>
  );
}

/** Who has signed, when, with which certificate, and who has confirmed that they are that person. */
export function Signer({ signer }: { readonly signer: SignerView }): VNode {
  return (
    <div class="card signer">
      <p class="facts">{t.signed}</p>
      <p class="name">{signer.name}</p>
      <Vouched by={signer.confirmedBy} why="" />
      <dl>
        {signer.signedAt !== null && (
          <div>
            <dt>{texts.ended.at}</dt>
            <dd>{moment(new Date(signer.signedAt))}</dd>
          </div>
        )}
        {signer.confirmedBy === null && (
          <div>
            <dt>{texts.ended.certificate}</dt>
            <dd>{signer.issuedBy}</dd>
          </div>
        )}
      </dl>
    </div>
  );
}
