import type { VNode } from 'preact';
import type { Code } from '../session/flow';
import { fill, texts, time } from '../texts/format';
import { Heading, Notice, type ViewProps } from './parts';

const t = texts.handOver;

/** A code for the signer's phone; this page follows along until the session has ended there. */
export function HandOver({ state, controller, code }: ViewProps & { readonly code: Code }): VNode {
  return (
    <section>
      <Heading text={t.heading} />
      <p>{fill(t.text, { time: time(new Date(code.expiresAt)) })}</p>
      <img class="code" src={code.picture} alt={t.picture} />
      <p role="status">{t.following}</p>
      <Notice problem={state.problem} />
      <div class="actions">
        <button disabled={state.busy} onClick={() => controller.comeBack()}>
          {t.back}
        </button>
        <button class="plain" disabled={state.busy} onClick={() => void controller.handOver()}>
          {t.again}
        </button>
      </div>
    </section>
  );
}
