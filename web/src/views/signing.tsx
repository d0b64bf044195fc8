import type { VNode } from 'preact';
import type { Shown } from '../session/flow';
import type { Problem } from '../session/problem';
import { fill, texts } from '../texts/format';
import { Heading, Notice } from './parts';

const t = texts.signing;

/** What happens now, how far all of it is, and whether the signer may leave. */
export function Signing({ progress, problem }: { readonly progress: Shown; readonly problem: Problem | null }): VNode {
  const { phase, part } = progress;
  return (
    <section>
      <Heading text={t[phase]} />
      {/* The heading is read once; what comes after it is told here. */}
      <p role="status">
        <span class="unseen">{t[phase]}. </span>
        {phase === 'processing' ? t.stay : t.wait}
      </p>
      {/* It is full when all is done, not before. */}
      <progress aria-label={t.all} value={part} />
      <p role="status" class="facts">
        {line(progress)}
      </p>
      <Notice problem={problem} />
    </section>
  );
}

function line({ phase, done, total }: Shown): string {
  const counted = phase === 'checking' || phase === 'signing' || phase === 'processing';
  return counted && total > 1 ? fill(t.counted[phase], { done, total }) : '';
}
