import type { VNode } from 'preact';
import type { SessionView } from '../server/model';
import { toSign } from '../session/flow';
import { fill, texts } from '../texts/format';
import { Icon } from './icon';
import { Heading, Notice, type ViewProps } from './parts';

const t = texts.review;

/** What stands above the documents while they are read. */
export function ReviewHead(): VNode {
  return <Heading text={t.heading} />;
}

/** The way on from the documents, which are in the stage beside it. */
export function Review({ state, controller, session }: ViewProps & { readonly session: SessionView }): VNode {
  return (
    <section>
      <p>{fill(t.intro, { count: toSign(state).length })}</p>
      <Notice problem={state.problem} />
      <div class="actions">
        <button
          type="button"
          class="primary"
          disabled={state.busy || toSign(state).length === 0}
          onClick={() => controller.go('source')}
        >
          {t.next}
        </button>
        {!session.predefined && (
          <button type="button" class="plain" disabled={state.busy} onClick={() => controller.go('documents')}>
            <Icon name="back" />
            {t.back}
          </button>
        )}
      </div>
      {session.predefined && session.handOver && (
        <button type="button" class="plain" disabled={state.busy} onClick={() => void controller.handOver()}>
          {texts.handOver.button}
        </button>
      )}
    </section>
  );
}
