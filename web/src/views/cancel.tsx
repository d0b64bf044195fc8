import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';
import type { Controller } from '../session/controller';
import { texts } from '../texts/format';

const t = texts.cancel;

export function Cancel({ controller, busy }: { readonly controller: Controller; readonly busy: boolean }): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button type="button" class="plain leave" disabled={busy} onClick={() => dialog.current?.showModal()}>
        {t.button}
      </button>
      <dialog ref={dialog} aria-labelledby="cancel-question">
        <h2 id="cancel-question">{t.question}</h2>
        <p>{t.text}</p>
        <button type="button" onClick={() => dialog.current?.close()}>
          {t.no}
        </button>
        <button
          type="button"
          class="primary danger"
          onClick={() => {
            dialog.current?.close();
            void controller.cancel();
          }}
        >
          {t.yes}
        </button>
      </dialog>
    </>
  );
}
