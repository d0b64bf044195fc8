import type { VNode } from 'preact';
import type { SessionView } from '../server/model';
import { toSign } from '../session/flow';
import { fill, texts } from '../texts/format';
import { Icon } from './icon';
import { Heading, Notice, ToPhone, type ViewProps } from './parts';

const t = texts.review;

/** As many names leave room for the first page below them; from this width on they stand beside it (`styles/layout.css`). */
const FEW = innerWidth < 1024 ? 3 : 10;

/**
 * What is to be done. It is in the page twice, and shown once: beside the documents where there is room for that, so that
 * they stay where they are from step to step, else above them.
 */
export function ReviewHead({ state }: Pick<ViewProps, 'state'>): VNode {
  const documents = toSign(state);
  return (
    <div class="head">
      <Heading text={t.heading} />
      <p>{fill(t.intro, { count: documents.length })}</p>
      {documents.length > 1 && (
        <details open={documents.length <= FEW}>
          <summary>{t.all}</summary>
          <ul>
            {documents.map(({ id, name }) => (
              <li key={id}>
                <button type="button" class="plain" onClick={() => show(id)}>
                  {name}
                </button>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function show(id: string): void {
  const place = document.getElementById(id)!;
  place.scrollIntoView();
  place.focus({ preventScroll: true });
}

/** The way on from the documents, which are in the stage beside it. */
export function Review({ state, controller, session }: ViewProps & { readonly session: SessionView }): VNode {
  return (
    <section>
      <ReviewHead state={state} />
      <Notice problem={state.problem} />
      <div class="actions">
        <button
          type="button"
          class="primary"
          disabled={state.busy || toSign(state).length === 0}
          onClick={() => controller.go(state.again ? 'consent' : 'source')}
        >
          {t.next}
        </button>
        {!session.predefined && (
          <button type="button" class="plain" disabled={state.busy} onClick={() => controller.go('documents')}>
            <Icon name="back" />
            {t.back}
          </button>
        )}
        {session.predefined && <ToPhone state={state} controller={controller} session={session} />}
      </div>
    </section>
  );
}
