/** What the steps have in common: what they are given, their heading, what went wrong. */
import type { JSX, VNode } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { SessionView } from '../server/model';
import type { Controller } from '../session/controller';
import type { State } from '../session/flow';
import type { Problem } from '../session/problem';
import { sentence, texts } from '../texts/format';
import { Icon, type IconName } from './icon';

export interface ViewProps {
  readonly state: State;
  readonly controller: Controller;
}

/** How it ended, for the eyes: the heading says it. */
export function Mark({ name, kind }: { readonly name: IconName; readonly kind: 'good' | 'calm' | 'bad' }): VNode {
  return (
    <div class={`mark ${kind}`}>
      <Icon name={name} />
    </div>
  );
}

/** The heading of a step; it takes the focus, so that a screen reader reads on from there. The page begins at its top. */
export function Heading({ text }: { readonly text: string }): VNode {
  const element = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const heading = element.current!;
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
    heading.scrollIntoView({ block: 'nearest' }); // on a very small screen it is further down
  }, []);
  return (
    <h1 ref={element} tabIndex={-1}>
      {text}
    </h1>
  );
}

/**
 * What went wrong. It takes the focus where nothing else has it that the signer could use: the button that they pressed
 * was disabled meanwhile, or the step was shown anew and its heading has it.
 */
export function Notice({ problem }: { readonly problem: Problem | null }): VNode {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (problem !== null && ['BODY', 'H1'].includes(document.activeElement?.tagName ?? '')) element.current?.focus();
  }, [problem]);
  return (
    <div ref={element} role="alert" tabIndex={-1}>
      {problem !== null && <p class={problem.code === 'key-cancelled' ? '' : 'problem'}>{sentence(problem)}</p>}
    </div>
  );
}

/** What went wrong with what the signer asked for right here: what they use has the focus, and keeps it. */
export function Said({ problem }: { readonly problem: Problem | null }): VNode | null {
  return problem && <p class="problem" role="alert">{sentence(problem)}</p>;
}

type FieldProps = JSX.IntrinsicElements['input'] & {
  readonly label: string;
  /** What is wrong with what was typed or chosen here: the field gets the focus, and the sentence stands below it. */
  readonly problem: Problem | null;
};

/** A field with its label. */
export function Field({ label, problem, ...input }: FieldProps): VNode {
  const id = useId();
  const element = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (problem !== null) element.current?.focus();
  }, [problem]);
  return (
    <>
      <label>
        {label}
        <input ref={element} aria-invalid={problem !== null} aria-describedby={problem === null ? undefined : id} {...input} />
      </label>
      {problem !== null && (
        <p class="problem" id={id}>
          {sentence(problem)}
        </p>
      )}
    </>
  );
}

/** The offer to go on with a phone: not to one (`phone`), nor where the server has no code for it. */
export function ToPhone({ state: { busy }, controller, session }: ViewProps & { readonly session: SessionView }): VNode | null {
  if (!session.handOver || session.status !== 'Pending') return null;
  return (
    <button class="plain phone" disabled={busy} onClick={() => void controller.handOver()}>
      {texts.handOver.button}
    </button>
  );
}
