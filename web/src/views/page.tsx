import type { VNode } from 'preact';
import { useEffect, useMemo, useReducer } from 'preact/hooks';
import { type SessionView, waits } from '../server/model';
import { Controller } from '../session/controller';
import { beside, next, START, type State, toSign, unsaved } from '../session/flow';
import { passing, type Problem } from '../session/problem';
import { language, texts } from '../texts/format';
import { Brand } from './brand';
import { Cancel } from './cancel';
import { Documents } from './documents';
import { type Part, usePart } from './part';
import { Heading, Notice, type ViewProps } from './parts';
import { Requirements } from './requirements';
import { Footer, Way } from './top';

const loadSteps = () => import('./steps');
const loadReader = () => import('./reader/reader');

const NOT_LOADED: Problem = { code: 'key-not-loaded', message: '' };

export function Page({ link }: { readonly link: string }): VNode {
  const [state, happen] = useReducer(next, START);
  const controller = useMemo(() => new Controller(link, happen), [link]);
  useEffect(() => void controller.load(), [controller]);
  const steps = usePart(loadSteps, true);
  const reader = usePart(loadReader, true);
  useFirstPage(state, controller, reader);
  useWarning(unsaved(state));
  useNoStrayDrop();
  useEffect(() => {
    document.documentElement.lang = language;
    document.title = texts.title;
  }, []);
  const { session } = state;
  const pending = session?.status === 'Pending' && state.progress === null;
  return (
    <>
      {session?.keySources.includes('demo') && <p class="test">{texts.demoNotice}</p>}
      <header>{session !== null && <Brand session={session} controller={controller} />}</header>
      <main class={beside(state) ? `beside at-${state.step}` : ''}>
        {session !== null && isOpen(session) && (
          <div class="top">
            <Way state={state} session={session} />
            {pending && steps.part !== null && <steps.part.TimeLeft state={state} controller={controller} session={session} />}
          </div>
        )}
        {beside(state) && <Stage state={state} controller={controller} steps={steps} reader={reader} />}
        <div class="panel">
          {pending && <Requirements required={session.requirements} />}
          <View state={state} controller={controller} steps={steps} />
          {pending && <Cancel controller={controller} busy={state.busy} />}
        </div>
      </main>
      {session !== null && <Footer session={session} />}
    </>
  );
}

type Steps = Part<Awaited<ReturnType<typeof loadSteps>>>;

type Reading = Part<Awaited<ReturnType<typeof loadReader>>>;

interface StepProps extends ViewProps {
  readonly steps: Steps;
}

/** The documents, beside every step from their reading to the signature. They stay where the signer has left them. */
function Stage({ state, controller, steps, reader }: StepProps & { readonly reader: Reading }): VNode {
  const { part, failed, again } = reader;
  // What stands above the documents comes with them: nothing moves once it is there.
  return (
    <div class="stage">
      {state.step === 'review' && steps.part !== null && <steps.part.ReviewHead />}
      {part === null || steps.part === null ? (
        <Waiting problem={failed ? NOT_LOADED : null} onRetry={again} />
      ) : (
        <part.Reader documents={toSign(state)} controller={controller} />
      )}
    </div>
  );
}

function View({ state, controller, steps }: StepProps): VNode {
  const { session, step, progress } = state;
  if (session === null) return <Waiting problem={state.problem} onRetry={() => void controller.load()} heading={true} />;
  if (isFirst(state, session)) return <Documents state={state} controller={controller} session={session} />;
  if (steps.part === null) return <Waiting problem={steps.failed ? NOT_LOADED : null} onRetry={steps.again} heading={true} />;
  const { Aside, Certificates, Consent, Ended, HandOver, Review, Signing, Source } = steps.part;
  if (progress !== null) return <Signing progress={progress} problem={state.problem} />;
  if (waits(session)) return <Waiting problem={state.problem} onRetry={() => void controller.load()} heading={true} />;
  const trying = session.status === 'ProcessingError' && step !== 'documents';
  if (session.status !== 'Pending' && !trying) return <Ended session={session} controller={controller} />;
  if (session.status === 'Pending' && state.handOver !== null) {
    return <HandOver state={state} controller={controller} picture={state.handOver} />;
  }
  if (step === 'source') return <Source state={state} controller={controller} session={session} />;
  if (step === 'certificate') return <Certificates state={state} controller={controller} />;
  if (step === 'aside') return <Aside state={state} controller={controller} session={session} />;
  if (step === 'consent') return <Consent state={state} controller={controller} />;
  return <Review state={state} controller={controller} session={session} />;
}

/** True where the signer chooses files: the one step that comes with the first load. */
function isFirst({ step, progress, handOver }: State, { status }: SessionView): boolean {
  return step === 'documents' && status === 'Pending' && progress === null && handOver === null;
}

interface WaitingProps {
  readonly problem: Problem | null;
  readonly onRetry: () => void;
  /** It stands for a whole step, which has a heading. */
  readonly heading?: boolean;
}

function Waiting({ problem, onRetry, heading = false }: WaitingProps): VNode {
  if (problem === null) {
    return (
      <section>
        {heading && <h1 class="unseen">{texts.title}</h1>}
        <p role="status">{texts.loading}</p>
      </section>
    );
  }
  return (
    <section>
      {heading && <Heading text={texts.problem.heading} />}
      <Notice problem={problem} />
      {(passing(problem) || problem === NOT_LOADED) && (
        <button type="button" class="primary" onClick={onRetry}>
          {texts.problem.retry}
        </button>
      )}
    </section>
  );
}

/** While the signer chooses files, the first page that they will read is on its way. */
function useFirstPage(state: State, controller: Controller, { part }: Reading): void {
  const first = toSign(state)[0];
  useEffect(() => (part !== null && first !== undefined ? part.warm(first, controller) : undefined), [part, first?.id]);
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
