import type { VNode } from 'preact';
import type { CertificateSummary } from '../keysource/pfx/certificate';
import type { Listed } from '../session/certificates';
import { date, fill, sentence, texts } from '../texts/format';
import { Heading, type ViewProps } from './parts';
import { Vouched } from './vouched';

const t = texts.certificates;

/** Every certificate of the source; one that cannot be used says why, and cannot be chosen. */
export function Certificates({ state, controller }: ViewProps): VNode {
  const { certificates, certificateId } = state;
  // Where none can be used there is nothing to choose: the way on is another one.
  const none = certificateId === null;
  const heading = none ? fill(t.none, { count: certificates.length }) : t.heading;
  return (
    <section>
      <Heading text={heading} />
      <fieldset class="certificates">
        <legend class="unseen">{heading}</legend>
        {certificates.map((each) => (
          <div class={each.judgement.usable ? 'certificate' : 'certificate off'} key={each.info.id}>
            {none ? (
              <CertificateFacts listed={each} />
            ) : (
              <label>
                <input
                  type="radio"
                  name="certificate"
                  disabled={!each.judgement.usable}
                  checked={each.info.id === certificateId}
                  onChange={() => controller.choose(each.info.id)}
                />
                <CertificateFacts listed={each} />
              </label>
            )}
            <CertificateDetails listed={each} />
          </div>
        ))}
      </fieldset>
      <div class="actions">
        {!none && (
          <button type="button" class="primary" onClick={() => controller.go('consent')}>
            {t.next}
          </button>
        )}
        <button type="button" class={none ? 'primary' : 'plain'} onClick={() => controller.go('source')}>
          {t.other}
        </button>
      </div>
    </section>
  );
}

export function nameOf({ summary, judgement }: Listed): string {
  return judgement.name || summary?.subject || t.unreadable;
}

/** Whose it is, who has confirmed that, until when; or why it cannot be used. */
export function CertificateFacts({ listed }: { readonly listed: Listed }): VNode {
  const { summary, judgement } = listed;
  const by = judgement.confirmedBy;
  return (
    <span class="what">
      <span class="name">{nameOf(listed)}</span>
      {by !== null && <Vouched by={by} />}
      {by === null && summary !== null && <span class="facts">{fill(t.issuedBy, { issuer: summary.issuer })}</span>}
      {!judgement.usable && <span class="problem">{reason(listed)}</span>}
      {judgement.usable && summary !== null && (
        <span class="facts">{fill(t.validUntil, { date: date(summary.notAfter) })}</span>
      )}
    </span>
  );
}

function reason({ summary, judgement }: Listed): string {
  const code = judgement.code ?? 'CertificateRejected';
  if (summary !== null && code === 'CertificateExpired') return fill(t.expired, { date: date(summary.notAfter) });
  if (summary !== null && code === 'CertificateNotYetValid') return fill(t.early, { date: date(summary.notBefore) });
  // The commonest first mistake of a developer: `openssl req -x509` makes authorities.
  const shown = judgement.ofAuthority && code === 'CertificateKeyUsage' ? 'CertificateOfAuthority' : code;
  // What to do instead is a button below.
  return sentence({ code: shown, message: judgement.detail ?? '' }).replace(t.instead, '').trim();
}

export function CertificateDetails({ listed }: { readonly listed: Listed }): VNode | null {
  const { summary, thumbprint } = listed;
  if (summary === null) return null;
  return (
    <details>
      <summary>{t.details}</summary>
      <dl>
        {rows(summary, thumbprint).map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function rows(summary: CertificateSummary, thumbprint: string): readonly (readonly [string, string])[] {
  return [
    [t.subject, summary.subjectName],
    [t.issuer, summary.issuerName],
    [t.serial, summary.serial],
    [t.validity, fill(t.period, { from: date(summary.notBefore), until: date(summary.notAfter) })],
    [t.thumbprint, thumbprint],
  ];
}
