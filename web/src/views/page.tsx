import type { VNode } from 'preact';
import { useEffect, useMemo, useReducer } from 'preact/hooks';
import { type SessionView, waits } from '../server/model';
import { Controller } from '../session/controller';
import { next, START, unsaved } from '../session/flow';
import { passing } from '../session/problem';
import { fill, language, texts } from '../texts/format';
import { Aside } from './aside';
import { Brand } from './brand';
import { Cancel } from './cancel';
import { Certificates } from './certificates';
import { Consent } from './consent';
import { Documents } from './documents';
import { Ended } from './ended';
import { HandOver } from './hand-over';
import { Heading, Notice, type ViewProps } from './parts';
import { Requirements } from './requirements';
import { Review } from './review';
import { Signing } from './signing';
import { Source } from './source';

export function Page({ link }: { readonly link: string }): VNode {
  const [state, happen] = useReducer(next, START);
  const controller = useMemo(() => new Controller(link, happen), [link]);
  useEffect(() => void controller.load(), [controller]);
  useWarning(unsaved(state));
  useNoStrayDrop();
  useEffect(() => {
    document.documentElement.lang = language;
    document.title = texts.title;
  }, []);
  const { session } = state;
  return (
    <main>
      {session !== null && <Brand session={session} controller={controller} />}
      {session !== null && isOpen(session) && <p class="asker">{fill(texts.askedBy, { application: session.applicationName })}</p>}
      {session?.status === 'Pending' && state.progress === null && <Requirements required={session.requirements} />}
      <View state={state} controller={controller} />
      {session?.status === 'Pending' && state.progress === null && <Cancel controller={controller} busy={state.busy} />}
      {session?.keySources.includes('demo') && <p class="note">{texts.demoNotice}</p>}
    </main>
  );
}

function View({ state, controller }: ViewProps): VNode {
  const { session, step, progress } = state;
  if (session === null) return <Loading state={state} controller={controller} />;
  if (progress !== null) return <Signing progress={progress} problem={state.problem} />;
  if (waits(session)) return <Loading state={state} controller={controller} />;
  const trying = session.status === 'ProcessingError' && step !== 'documents';
  if (session.status !== 'Pending' && !trying) return <Ended session={session} controller={controller} />;
  if (session.status === 'Pending' && state.handOver !== null) {
    return <HandOver state={state} controller={controller} picture={state.handOver} />;
  }
  if (step === 'source') return <Source state={state} controller={controller} session={session} />;
  if (step === 'review') return <Review state={state} controller={controller} />;
  if (step === 'certificate') return <Certificates state={state} controller={controller} />;
  if (step === 'aside') return <Aside state={state} controller={controller} session={session} />;
  if (step === 'consent') return <Consent state={state} controller={controller} />;
  return <Documents state={state} controller={controller} session={session} />;
}

function Loading({ state, controller }: ViewProps): VNode {
  if (state.problem === null) {
    return (
      <section>
        <h1 class="unseen">{texts.title}</h1>
        <p role="status">{texts.loading}</p>
      </section>
    );
  }
  return (
    <section>
      <Heading text={texts.problem.heading} />
      <Notice problem={state.problem} />
      {passing(state.problem) && (
        <button type="button" class="primary" onClick={() => void controller.load()}>
          {texts.problem.retry}
        </button>
      )}
    </section>
  );
}

function isOpen({ status }: SessionView): boolean {
  return status === 'Pending' || status === 'Processing' || status === 'ProcessingError';
}

/** A file dropped beside its place would otherwise be opened instead of this page. */
function useNoStrayDrop(): void {
  useEffect(() => {
    const refuse = (event: DragEvent) => {
      if (event.defaultPrevented) return;
      event.preventDefault();
      if (event.dataTransfer !== null) event.dataTransfer.dropEffect = 'none';
    };
    addEventListener('dragover', refuse);
    addEventListener('drop', refuse);
    return () => {
      removeEventListener('dragover', refuse);
      removeEventListener('drop', refuse);
    };
  }, []);
}

function useWarning(active: boolean): void {
  useEffect(() => {
    if (!active) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [active]);
}
