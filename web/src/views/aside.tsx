import type { VNode } from 'preact';
import type { SessionView } from '../server/model';
import { leftOut, toSign } from '../session/flow';
import { problemOfDocument } from '../session/problem';
import { fill, sentence, texts } from '../texts/format';
import { Heading, Notice, type ViewProps } from './parts';

const t = texts.aside;

/** Documents that cannot be signed, each with its name and the reason, and the way on without them. */
export function Aside({ state, controller, session }: ViewProps & { readonly session: SessionView }): VNode {
  const refused = leftOut(state);
  const rest = toSign(state).length;
  const own = session.status === 'Pending' && !session.predefined;
  const onward = rest > 0 ? () => controller.go('consent') : () => void controller.sign(state);
  // What has ended before stays as it is: there is nothing to tell the application that it does not know.
  const again = rest === 0 && session.status !== 'Pending';
  return (
    <section>
      <Heading text={fill(t.heading, { count: refused.length })} />
      <LeftOut state={state} controller={controller} />
      <p>{fill(rest > 0 ? t.rest : t.nothing, { count: rest, application: session.applicationName })}</p>
      {own && <p>{t.choose}</p>}
      <Notice problem={state.problem} />
      {!again && (
        <button type="button" class="primary" disabled={state.busy} onClick={onward}>
          {rest > 0 ? fill(t.without, { count: refused.length }) : t.end}
        </button>
      )}
      <button type="button" class="plain" disabled={state.busy} onClick={() => controller.go('documents')}>
        {own ? t.documents : t.back}
      </button>
    </section>
  );
}

/** The list alone; nothing where no document is left out. */
export function LeftOut({ state }: ViewProps): VNode | null {
  const refused = leftOut(state);
  if (refused.length === 0) return null;
  return (
    <ul class="files" aria-label={t.list}>
      {refused.map(([document, { code, detail }]) => (
        <li key={document.id} class="refused">
          <div class="what">
            <span class="name">{document.name}</span>
            <Reason code={code} detail={detail} />
          </div>
        </li>
      ))}
    </ul>
  );
}

/** A sentence for the signer, and what the server says for whoever helps them. */
export function Reason({ code, detail }: { readonly code: string; readonly detail: string | null }): VNode {
  const problem = problemOfDocument(code, detail);
  return (
    <>
      <span class="problem">{sentence(problem)}</span>
      <span class="facts">{fill(t.technical, { reason: problem.message })}</span>
    </>
  );
}
