import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Availability, SourceKind } from '../keysource/keysource';
import { available, dead, offered } from '../keysource/sources';
import { framed } from '../server/framing';
import type { SessionView } from '../server/model';
import { toSign } from '../session/flow';
import type { Problem } from '../session/problem';
import { fill, texts } from '../texts/format';
import { Icon } from './icon';
import { Field, Heading, Notice, ToPhone, type ViewProps } from './parts';

const t = texts.source;

const NOT_LOADED: Problem = { code: 'key-not-loaded', message: '' };

/** Name, hint and, where the signer may have to get it, the program and its address. */
function about(kind: SourceKind): { label: string; hint: string; program: string; address: string } {
  switch (kind) {
    case 'pfx':
      return { label: t.pfx, hint: t.pfxHint, program: '', address: '' };
    case 'web-eid':
      return { label: t.webEid, hint: t.webEidHint, program: 'Web eID', address: 'web-eid.eu' };
    case 'web-pki':
      return { label: t.webPki, hint: t.webPkiHint, program: 'Web PKI', address: 'get.webpkiplugin.com' };
    case 'demo':
      return { label: t.demo, hint: t.demoHint, program: '', address: '' };
  }
}

type Answers = Partial<Record<SourceKind, Availability>>;

export function Source({ state, controller, session }: SourceProps): VNode {
  const kinds = offered(session);
  const { answers, said, again } = useAnswers(kinds, session);
  // The test certificate first, as it needs nothing; then as they answer: none takes the place of another that is about to be pressed.
  const answered = (Object.keys(answers) as SourceKind[]).filter((kind) => answers[kind]?.usable);
  const usable = answered.sort((one, other) => Number(other === 'demo') - Number(one === 'demo'));
  // Inside another site there is a way: a tab of its own.
  const end = framed ? null : dead(kinds, answers);
  const none = end === 'none';
  const [chosen, setChosen] = useState<SourceKind | null>(null);
  const open = chosen ?? onlyOne(kinds, answers);
  const choose = (kind: SourceKind) => {
    controller.go('source'); // what went wrong with another source is not this one's
    setChosen(kind);
  };
  const back = (
    <button class="plain" disabled={state.busy} onClick={() => controller.go(state.session?.status === 'Pending' ? 'review' : 'documents')}>
      <Icon name="back" />
      {t.back}
    </button>
  );
  return (
    <section>
      <Heading key={none} text={none ? t.noneHeading : t.heading} />
      <p>{none ? fill(kinds.length > 0 ? t.none : t.noneOffered, { application: session.applicationName }) : t.intro}</p>
      {end === 'not-loaded' && <Notice problem={NOT_LOADED} />}
      {framed && <Framed />}
      <div class="choices">
        {usable.map((kind) => (
          <Choice key={kind} kind={kind} chosen={open === kind} problem={state.problem} onChoose={() => choose(kind)}>
            <Form kind={kind} state={state} controller={controller} session={session} />
          </Choice>
        ))}
      </div>
      {kinds.map((kind) => !usable.includes(kind) && <NoChoice key={kind} kind={kind} answer={answers[kind]} none={none} />)}
      {end === null || kinds.length === 0 ? (
        back
      ) : (
        <>
          <p role="status" class="facts">
            {said && t[said]}
          </p>
          <div class="actions">
            <button class="primary" disabled={state.busy} onClick={again}>
              {t.check}
            </button>
            <ToPhone state={state} controller={controller} session={session} />
            {back}
          </div>
        </>
      )}
    </section>
  );
}

/** Why there is no key file, and what to do instead. */
function Framed(): VNode {
  return (
    <>
      <p class="warning">{t.framed}</p>
      <a class="button primary" href={location.href} target="_blank" rel="noreferrer">
        {t.alone}
      </a>
    </>
  );
}

interface SourceProps extends ViewProps {
  readonly session: SessionView;
}

/** What each source says, as it comes. `again` asks once more; `said` is what comes of that. */
function useAnswers(kinds: readonly SourceKind[], session: SessionView) {
  const [answers, setAnswers] = useState<Answers>({});
  const [said, say] = useState<'looking' | 'still' | ''>('');
  const before = useRef('');
  /** True where all say what they said before. */
  const ask = async () => {
    const all = await Promise.all(kinds.map(async (kind) => {
      const answer = await available(kind, session);
      setAnswers((others) => ({ ...others, [kind]: answer }));
      return answer;
    }));
    const now = JSON.stringify(all);
    const same = now === before.current;
    before.current = now;
    return same;
  };
  useEffect(() => void ask(), []);
  const again = () => {
    say('looking');
    void ask().then((same) => say(same ? 'still' : ''));
  };
  return { answers, said, again };
}

/** The source that need not be chosen, once it is known that no other can be used. */
function onlyOne(kinds: readonly SourceKind[], answers: Answers): SourceKind | null {
  const usable = kinds.filter((kind) => answers[kind]?.usable ?? true);
  return usable.length === 1 ? (usable[0] ?? null) : null;
}

function Choice(props: {
  readonly kind: SourceKind;
  readonly chosen: boolean;
  /** What went wrong takes room: what is pressed next stays in sight. */
  readonly problem: Problem | null;
  readonly onChoose: () => void;
  readonly children: VNode;
}): VNode {
  const { label, hint } = about(props.kind);
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (props.chosen) element.current!.scrollIntoView({ block: 'nearest' });
  }, [props.chosen, props.problem]);
  return (
    <div class="choice" ref={element}>
      <button type="button" class="option" aria-expanded={props.chosen} onClick={props.onChoose}>
        <span class="name">{label}</span>
        <span class="facts">{hint}</span>
      </button>
      {props.chosen && props.children}
    </div>
  );
}

/** A source that cannot be used here says why, and what to do instead. */
function NoChoice({ kind, answer, none }: { readonly kind: SourceKind; readonly answer: Availability | undefined; readonly none: boolean }): VNode {
  const { label, program, address } = about(kind);
  const name = program || label;
  // No stop for the keyboard: what it will be is not known yet.
  if (answer === undefined || answer.usable) return <p class="off">{name}: {t.looking}</p>;
  const [before, after] = fill(t.obstacles[answer.reason], { program }).split('{address}');
  const why = (
    <p>
      {before}
      {after && (
        <a href={`https://${address}`} target="_blank" rel="noreferrer">
          {address}
        </a>
      )}
      {after}
    </p>
  );
  // Where none can be used the reasons are what there is to read.
  if (none) return <div class="off reason"><p class="name">{name}</p>{why}</div>;
  return (
    <details class="off">
      <summary>{name}: {t.away}</summary>
      {why}
    </details>
  );
}

function Form({ kind, ...props }: SourceProps & { readonly kind: SourceKind }): VNode {
  if (kind === 'pfx') return <PfxForm {...props} />;
  if (kind === 'demo') return <DemoForm {...props} />;
  return <ProgramForm kind={kind} {...props} />;
}

/** Keys that a program of the signer's computer has. */
function ProgramForm({ kind, state, controller, session }: SourceProps & { readonly kind: 'web-eid' | 'web-pki' }): VNode {
  const count = toSign(state).length;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void controller.openSource({ kind }, session);
  };
  return (
    <form onSubmit={submit}>
      {kind === 'web-eid' && count > 1 && <p class="facts">{fill(t.pins, { count })}</p>}
      <p role="status" class="facts">
        {state.busy && fill(t.elsewhere, { program: about(kind).program })}
      </p>
      {kind === 'web-eid' && <p class="facts">{t.pinPrivate}</p>}
      <Notice problem={state.problem} />
      <button class="primary" disabled={state.busy}>
        {kind === 'web-eid' ? t.readCard : t.listCertificates}
      </button>
    </form>
  );
}

const NO_FILE: Problem = { code: 'key-no-file', message: '' };
const NO_NAME: Problem = { code: 'key-no-name', message: '' };

/** The field whose content is at fault; null: none. */
type Fault = 'file' | 'password' | null;

const FAULTS_OF_FILE = ['failed', 'no-certificate', 'no-private-key', 'pem', 'unsupported'];

function faultOf({ code }: Problem): Fault {
  if (code === 'key-wrong-secret') return 'password';
  return FAULTS_OF_FILE.some((fault) => code === `key-${fault}`) || code === 'FileNotReadable' ? 'file' : null;
}

function PfxForm({ state, controller, session }: SourceProps): VNode {
  const [file, setFile] = useState<File | null>(null);
  const [missing, miss] = useState(false);
  const fault = state.problem === null ? null : faultOf(state.problem);
  const of = (field: Fault) => (missing && file === null && field === 'file' ? NO_FILE : fault === field ? state.problem : null);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (file === null) return miss(true);
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem('password') as HTMLInputElement;
    const password = field.value;
    field.value = ''; // it stays nowhere but in the key worker
    void controller.openSource({ kind: 'pfx', file, password }, session);
  };
  return (
    <form onSubmit={submit} autocomplete="off" noValidate>
      <Field
        label={t.file}
        problem={of('file')}
        type="file"
        accept=".pfx,.p12,application/x-pkcs12"
        required
        onChange={({ currentTarget }) => setFile(currentTarget.files?.[0] ?? null)}
      />
      <Field label={t.password} problem={of('password')} type="password" name="password" autocomplete="off" />
      <p class="facts">{t.private}</p>
      <Notice problem={of(null)} />
      <button class="primary" disabled={state.busy}>
        {t.open}
      </button>
    </form>
  );
}

function DemoForm({ state, controller, session }: SourceProps): VNode {
  const [name, setName] = useState('');
  const [missing, miss] = useState(false);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (name.trim() === '') return miss(true);
    void controller.openSource({ kind: 'demo', name }, session);
  };
  return (
    <form onSubmit={submit} autocomplete="off" noValidate>
      <Field
        label={t.name}
        problem={missing && name.trim() === '' ? NO_NAME : null}
        type="text"
        required
        maxLength={48}
        autocomplete="name"
        value={name}
        onInput={({ currentTarget }) => setName(currentTarget.value)}
      />
      <Notice problem={state.problem} />
      <button class="primary" disabled={state.busy}>
        {t.make}
      </button>
    </form>
  );
}
