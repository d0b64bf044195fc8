import type { VNode } from 'preact';
import { texts } from '../texts/format';
import { Heading, Notice, type ViewProps } from './parts';

const t = texts.handOver;

/** A code for another device; this one follows along until the session has ended there. `picture`: a blob's address. */
export function HandOver({ state, controller, picture }: ViewProps & { readonly picture: string }): VNode {
  return (
    <section>
      <Heading text={t.heading} />
      <p>{t.text}</p>
      <img class="code" src={picture} alt={t.picture} />
      <p role="status">{t.following}</p>
      <Notice problem={state.problem} />
      <button type="button" disabled={state.busy} onClick={() => controller.comeBack()}>
        {t.back}
      </button>
      <button type="button" class="plain" disabled={state.busy} onClick={() => void controller.handOver()}>
        {t.again}
      </button>
    </section>
  );
}
