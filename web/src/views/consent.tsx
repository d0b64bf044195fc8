import type { VNode } from 'preact';
import type { DocumentView } from '../server/model';
import { inOrder, leftOut, toSign, type Upload } from '../session/flow';
import { factsOf, fill, sentence, texts } from '../texts/format';
import { Reason } from './aside';
import { CertificateDetails, CertificateFacts } from './certificates';
import { Icon } from './icon';
import { Heading, Notice, type ViewProps } from './parts';
import { Vouched } from './vouched';

const t = texts.consent;

export function Consent({ state, controller }: ViewProps): VNode {
  const documents = toSign(state);
  const chosen = state.certificates.find(({ info }) => info.id === state.certificateId);
  return (
    <section>
      <Heading text={t.heading} />
      <div class="row">
        <h2>{t.certificate}</h2>
        <button type="button" class="plain" disabled={state.busy} onClick={() => controller.go(state.certificates.length > 1 ? 'certificate' : 'source')}>
          {t.other}
        </button>
      </div>
      <div class="card">
        {chosen !== undefined && (
          <div class="certificate">
            <CertificateFacts listed={chosen} />
            <CertificateDetails listed={chosen} />
          </div>
        )}
        {state.source?.kind === 'demo' && <p class="warning">{t.demo}</p>}
        {chosen?.judgement.confirmedBy === null && (
          <p>
            <Vouched by={null} />
          </p>
        )}
      </div>
      <h2>{fill(t.documents, { count: documents.length })}</h2>
      <ul class="files">
        {inOrder(state).map((row) => (
          <Row key={row.id} row={row} state={state} />
        ))}
      </ul>
      <Notice problem={state.problem} />
      <div class="actions">
        <button
          type="button"
          class="primary"
          disabled={state.busy || chosen === undefined || documents.length === 0}
          onClick={() => void controller.sign(state)}
        >
          {fill(t.sign, { count: documents.length })}
        </button>
      </div>
    </section>
  );
}

/** What is signed, and what the signer chose and is not; nothing for a document that is signed already. */
function Row({ row, state }: Pick<ViewProps, 'state'> & { readonly row: DocumentView | Upload }): VNode | null {
  if ('error' in row) {
    if (row.error === null) return null;
    return (
      <Out name={row.name}>
        <span class="problem">{sentence(row.error)}</span>
      </Out>
    );
  }
  const refused = leftOut(state).find(([{ id }]) => id === row.id)?.[1];
  if (refused !== undefined) {
    return (
      <Out name={row.name}>
        <Reason code={refused.code} detail={refused.detail} />
      </Out>
    );
  }
  if (!toSign(state).includes(row)) return null;
  return (
    <li>
      <Icon name="file" />
      <div class="what">
        <span class="name">{row.name}</span>
        <span class="facts">{factsOf(row).join(' · ')}</span>
      </div>
    </li>
  );
}

function Out({ name, children }: { readonly name: string; readonly children: VNode }): VNode {
  return (
    <li class="refused">
      <Icon name="out" />
      <div class="what">
        <span class="name">{fill(t.not, { name })}</span>
        {children}
      </div>
    </li>
  );
}
