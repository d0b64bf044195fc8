import type { VNode } from 'preact';
import { leftOut, toSign } from '../session/flow';
import { factsOf, fill, texts } from '../texts/format';
import { LeftOut } from './aside';
import { CertificateDetails, CertificateFacts } from './certificates';
import { Heading, Notice, type ViewProps } from './parts';

const t = texts.consent;

export function Consent({ state, controller }: ViewProps): VNode {
  const documents = toSign(state);
  const chosen = state.certificates.find(({ info }) => info.id === state.certificateId);
  return (
    <section>
      <Heading text={t.heading} />
      <fieldset>
        <legend>{t.certificate}</legend>
        {chosen !== undefined && (
          <div class="certificate">
            <CertificateFacts listed={chosen} />
            <CertificateDetails listed={chosen} />
          </div>
        )}
        {state.source?.kind === 'demo' && <p class="warning">{t.demo}</p>}
        {!state.session?.identityConfirmed && <p class="warning">{t.unconfirmed}</p>}
      </fieldset>
      <h2>{fill(t.documents, { count: documents.length })}</h2>
      <ul class="files">
        {documents.map((document) => (
          <li key={document.id}>
            <div class="what">
              <span class="name">{document.name}</span>
              <span class="facts">
                {factsOf(document).join(' · ')}
              </span>
              <span class="facts">{fill(t.fingerprint, { digest: document.sha256.slice(0, 16) })}</span>
            </div>
          </li>
        ))}
      </ul>
      {leftOut(state).length > 0 && <h2>{texts.aside.list}</h2>}
      <LeftOut state={state} controller={controller} />
      <Notice problem={state.problem} />
      <button
        type="button"
        class="primary"
        disabled={state.busy || chosen === undefined || documents.length === 0}
        onClick={() => void controller.sign(state)}
      >
        {fill(t.sign, { count: documents.length })}
      </button>
      <button type="button" class="plain" disabled={state.busy} onClick={() => controller.go(state.certificates.length > 1 ? 'certificate' : 'source')}>
        {t.other}
      </button>
    </section>
  );
}
