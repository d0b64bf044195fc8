import type { VNode } from 'preact';
import type { DocumentView } from '../server/model';
import { inOrder, leftOut, toSign, type Upload } from '../session/flow';
import { factsOf, fill, sentence, texts } from '../texts/format';
import { Reason } from './aside';
import { CertificateDetails, nameOf } from './certificates';
import { Icon } from './icon';
import { Heading, Notice, type ViewProps } from './parts';
import { Vouched } from './vouched';

const t = texts.consent;

/** As many documents as there is room for above the button. */
const FEW = 3;

export function Consent({ state, controller }: ViewProps): VNode {
  const documents = toSign(state);
  const rows = inOrder(state);
  // What is not signed is never folded away.
  const more: readonly (DocumentView | Upload)[] = documents.slice(FEW);
  const first = rows.filter((row) => !more.includes(row));
  const show = (row: DocumentView | Upload) => <Row key={row.id} row={row} state={state} />;
  const demo = state.source?.kind === 'demo';
  const chosen = state.certificates.find(({ info }) => info.id === state.certificateId);
  return (
    <section>
      <Heading text={t.heading} />
      <div class="row">
        <h2>{t.certificate}</h2>
        <button type="button" class="plain" aria-label={t.other} disabled={state.busy} onClick={() => controller.go(state.certificates.length > 1 ? 'certificate' : 'source')}>
          {t.change}
        </button>
      </div>
      {chosen !== undefined && (
        <div class="card certificate">
          <span class="name">{nameOf(chosen)}</span>
          <Vouched by={chosen.judgement.confirmedBy} why={demo ? t.demo : undefined} />
          <CertificateDetails listed={chosen} />
        </div>
      )}
      <div class="row">
        <h2>{fill(t.documents, { count: documents.length })}</h2>
        <button type="button" class="plain alone" disabled={state.busy} onClick={() => controller.go('review')}>
          {t.read}
        </button>
      </div>
      <ul class="files compact">{first.map(show)}</ul>
      {more.length > 0 && (
        <details>
          <summary>{fill(t.more, { count: more.length })}</summary>
          <ul class="files compact">{more.map(show)}</ul>
        </details>
      )}
      <Notice problem={state.alarm ?? state.problem} />
      <div class="actions">
        <button
          type="button"
          class="primary"
          // Of a service that asks for another file the signer asks nothing again.
          disabled={state.busy || chosen === undefined || documents.length === 0 || state.alarm !== null}
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
