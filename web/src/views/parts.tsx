/** What the steps have in common: what they are given, their heading, what went wrong. */
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Controller } from '../session/controller';
import type { State } from '../session/flow';
import { sentence } from '../texts/format';

export interface ViewProps {
  readonly state: State;
  readonly controller: Controller;
}

/** The heading of a step; it takes the focus, so that a screen reader reads on from there. */
export function Heading({ text }: { readonly text: string }): VNode {
  const element = useRef<HTMLHeadingElement>(null);
  useEffect(() => element.current?.focus(), []);
  return (
    <h1 ref={element} tabIndex={-1}>
      {text}
    </h1>
  );
}

export function Notice({ problem }: { readonly problem: State['problem'] }): VNode {
  return <div role="alert">{problem !== null && <p class="problem">{sentence(problem)}</p>}</div>;
}
