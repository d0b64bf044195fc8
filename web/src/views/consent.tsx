import type { VNode } from 'preact';
import { DerError } from '../keysource/der';
import { type CertificateSummary, readCertificate } from '../keysource/pfx/certificate';
import { toSign } from '../session/flow';
import { date, factsOf, fill, texts } from '../texts/format';
import { Heading, Notice, type ViewProps } from './page';

const t = texts.consent;

export function Consent({ state, controller }: ViewProps): VNode {
  const documents = toSign(state);
  const certificates = state.source?.certificates ?? [];
  return (
    <section>
      <Heading text={t.heading} />
      <fieldset>
        <legend>{certificates.length > 1 ? t.choose : t.certificate}</legend>
        {certificates.map(({ id, der }) => (
          <label class="certificate" key={id}>
            {certificates.length > 1 && (
              <input
                type="radio"
                name="certificate"
                checked={id === state.certificateId}
                onChange={() => controller.choose(id)}
              />
            )}
            <Certificate summary={summaryOf(der)} />
          </label>
        ))}
        {state.source?.kind === 'demo' && <p class="warning">{t.demo}</p>}
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
      <Notice problem={state.problem} />
      <button
        type="button"
        class="primary"
        disabled={state.busy || state.certificateId === null || documents.length === 0}
        onClick={() => void controller.sign(state)}
      >
        {fill(t.sign, { count: documents.length })}
      </button>
      <button type="button" class="plain" disabled={state.busy} onClick={() => controller.go('source')}>
        {t.other}
      </button>
    </section>
  );
}

/** Nothing for a certificate that cannot be shown: whether it can be used, the server says. */
function summaryOf(der: Uint8Array): CertificateSummary | null {
  try {
    return readCertificate(der);
  } catch (error) {
    if (error instanceof DerError) return null;
    throw error;
  }
}

function Certificate({ summary }: { readonly summary: CertificateSummary | null }): VNode {
  if (summary === null) return <span class="name">{t.unreadable}</span>;
  const over = summary.notAfter < new Date();
  return (
    <span class="what">
      <span class="name">{summary.subject}</span>
      <span class="facts">{fill(t.issuedBy, { issuer: summary.issuer })}</span>
      <span class={over ? 'problem' : 'facts'}>
        {fill(over ? t.expired : t.validUntil, { date: date(summary.notAfter) })}
      </span>
    </span>
  );
}
