import type { VNode } from 'preact';
import type { Progress } from '../session/flow';
import type { Problem } from '../session/problem';
import { fill, texts } from '../texts/format';
import { Heading, Notice } from './parts';

const t = texts.signing;

export function Signing({ progress, problem }: { readonly progress: Progress; readonly problem: Problem | null }): VNode {
  const { phase, done, total } = progress;
  return (
    <section>
      <Heading text={t.heading} />
      {/* It is full when all is saved, not before. */}
      <progress aria-label={t.heading} value={total > 0 ? done : undefined} max={total * 1.1 || 1} />
      <p role="status">{line(progress)}</p>
      <Notice problem={problem} />
      <p class="facts">{phase === 'processing' ? t.stay : t.wait}</p>
    </section>
  );
}

function line({ phase, done, total }: Progress): string {
  switch (phase) {
    case 'preparing':
      return t.preparing;
    case 'checking':
      return fill(t.checking, { number: done + 1, total });
    case 'signing':
      return fill(t.signing, { done, total });
    case 'sending':
      return t.sending;
    case 'processing':
      return fill(t.processing, { done, total });
  }
}
