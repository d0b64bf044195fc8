import { render, type VNode } from 'preact';
import { useEffect, useMemo, useReducer, useRef } from 'preact/hooks';
import type { Api } from '../server/api';
import { type SessionView, waits } from '../server/model';
import { Controller } from '../session/controller';
import { beside, next, START, type State, toSign, unsaved } from '../session/flow';
import { passing, type Problem } from '../session/problem';
import { language, sentence, texts } from '../texts/format';
import { Brand } from './brand';
import { useCalm } from './calm';
import { Cancel } from './cancel';
import { Documents } from './documents';
import { useHistory } from './history';
import { Icon } from './icon';
import { type Part, usePart } from './part';
import { Heading, Mark, type ViewProps } from './parts';
import { Requirements } from './requirements';
import { Footer, Languages, Way } from './top';

const loadSteps = () => import('./steps');
const loadReader = () => import('./reader/reader');

const NOT_LOADED: Problem = { code: 'key-not-loaded', message: '' };

interface PageProps {
  readonly api: Api;
  /** Where the session stands: asked for before the page was here. */
  readonly session: Promise<SessionView>;
}

/** Put the page in its place. */
export function show(api: Api, session: Promise<SessionView>): void {
  const root = document.getElementById('page');
  root?.replaceChildren();
  if (root !== null) render(<Page api={api} session={session} />, root);
}

function Page({ api, session: asked }: PageProps): VNode {
  const [state, happen] = useReducer(next, START);
  const controller = useMemo(() => new Controller(api, happen), [api]);
  useEffect(() => void controller.load(asked), [controller]);
  const steps = usePart(loadSteps, true);
  const reader = usePart(loadReader, true);
  useFirstPage(state, controller, reader);
  useWarning(unsaved(state));
  useNoStrayDrop();
  useHistory(state, controller);
  useEffect(() => {
    document.documentElement.lang = language;
    document.title = texts.title;
  }, [language]);
  const { session } = state;
  const live = useRef(false);
  live.current ||= session?.status === 'Pending';
  useCalm([session?.status, state.step, state.progress === null, state.handOver?.picture].join());
  // All of the first view comes at once, in the place of nothing: what is there does not move any more.
  const part = missing(state, steps, reader);
  if (session === null || part !== null) {
    const problem = part?.failed ? NOT_LOADED : session === null ? state.problem : null;
    return (
      <>
        {problem !== null && <Plain onSpoken={() => happen({ kind: 'spoken' })} />}
        <main key="waiting" class={problem === null ? 'waiting' : ''}>
          <Waiting problem={problem} onRetry={part?.again ?? (() => void controller.load())} />
        </main>
      </>
    );
  }
  const pending = session.status === 'Pending' && state.progress === null;
  return (
    <>
      {session.keySources.includes('demo') && <aside class="test">{texts.demoNotice}</aside>}
      <header>
        <Brand session={session} controller={controller} />
        <Languages onChosen={() => happen({ kind: 'spoken' })} />
      </header>
      <main class={beside(state) ? `beside at-${state.step}` : ''}>
        {isOpen(session) && (
          <div class="top">
            <Way state={state} session={session} />
            {pending && steps.part !== null && <steps.part.TimeLeft state={state} controller={controller} session={session} />}
            {pending && <Requirements required={session.requirements} />}
          </div>
        )}
        {beside(state) && <Stage state={state} controller={controller} steps={steps} reader={reader} />}
        <div class="panel">
          {pending && beside(state) && <Requirements required={session.requirements} />}
          <View state={state} controller={controller} session={session} steps={steps} live={live.current} />
          {pending && <Cancel controller={controller} busy={state.busy} />}
        </div>
      </main>
      <Footer session={session} />
    </>
  );
}

type Steps = Part<Awaited<ReturnType<typeof loadSteps>>>;

type Reading = Part<Awaited<ReturnType<typeof loadReader>>>;

interface StepProps extends ViewProps {
  readonly steps: Steps;
}

/** The first page that is read comes first. */
const AHEAD_AFTER_MS = 1000;

/** The documents, beside every step from their reading to the signature. They stay where the signer has left them. */
function Stage({ state, controller, steps, reader }: StepProps & { readonly reader: Reading }): VNode {
  const documents = toSign(state);
  const ids = documents.map(({ id }) => id).join();
  useEffect(() => {
    const timer = setTimeout(() => void controller.readAhead(documents), AHEAD_AFTER_MS);
    return () => clearTimeout(timer);
  }, [controller, ids]);
  // What is read stays as it is while a step, or a signature, goes on: a hundred documents take long to draw.
  const reading = useMemo(
    () => reader.part !== null && <reader.part.Reader documents={documents} controller={controller} />,
    [reader.part, controller, ids, language],
  );
  return (
    <div class="stage">
      {state.step === 'review' && steps.part !== null && <steps.part.ReviewHead state={state} />}
      {reading}
    </div>
  );
}

function View({ state, controller, session, steps, live }: StepProps & { readonly session: SessionView; readonly live: boolean }): VNode {
  const { step, progress } = state;
  // Without the other views `missing` lets nobody get further.
  if (isFirst(state) || steps.part === null) return <Documents state={state} controller={controller} session={session} />;
  const { Aside, Certificates, Consent, Ended, HandOver, Review, Signing, Source } = steps.part;
  if (progress !== null) return <Signing progress={progress} problem={state.problem} />;
  if (waits(session)) return <Waiting problem={state.problem} onRetry={() => void controller.load()} />;
  const trying = session.status === 'ProcessingError' && step !== 'documents';
  if (session.status !== 'Pending' && !trying) return <Ended session={session} controller={controller} live={live} />;
  if (session.status === 'Pending' && state.handOver !== null) {
    return <HandOver state={state} controller={controller} code={state.handOver} />;
  }
  if (step === 'source') return <Source state={state} controller={controller} session={session} />;
  if (step === 'certificate') return <Certificates state={state} controller={controller} />;
  if (step === 'aside') return <Aside state={state} controller={controller} session={session} />;
  if (step === 'consent') return <Consent state={state} controller={controller} />;
  return <Review state={state} controller={controller} session={session} />;
}

/** A part that the view needs and that is not there yet. */
function missing(state: State, steps: Steps, reader: Reading): Steps | Reading | null {
  if (beside(state) && reader.part === null) return reader;
  return state.session !== null && !isFirst(state) && steps.part === null ? steps : null;
}

/** True where the signer chooses files: the one step that comes with the first load. */
function isFirst({ session, step, progress, handOver }: State): boolean {
  return step === 'documents' && session?.status === 'Pending' && progress === null && handOver === null;
}

/** The header of a page that knows of no session: nobody's name, and the languages. */
export function Plain({ onSpoken }: { readonly onSpoken: () => void }): VNode {
  return (
    <header>
      <p class="brand">
        <Icon name="sign" />
        {texts.page.mark}
      </p>
      <Languages onChosen={onSpoken} />
    </header>
  );
}

interface WaitingProps {
  readonly problem: Problem | null;
  readonly onRetry: () => void;
}

function Waiting({ problem, onRetry }: WaitingProps): VNode {
  if (problem === null) {
    return (
      <section>
        <h1 class="unseen">{texts.title}</h1>
        <p role="status">{texts.loading}</p>
      </section>
    );
  }
  // What has happened is the heading, and what to do the text.
  const [, fact, rest] = /^(.+?)\. (.+)$/.exec(sentence(problem)) ?? [];
  return (
    <section>
      <Mark name="warning" kind="bad" />
      <Heading text={fact ?? texts.problem.heading} />
      <p role="alert">{rest ?? sentence(problem)}</p>
      {passing(problem) && (
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
  useEffect(() => (part !== null && first !== undefined ? part.warm(first, controller.pages) : undefined), [part, first?.id]);
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
