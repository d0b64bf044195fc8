/**
 * The page as a state machine: what happened goes in, what is shown comes out. Pure; the work is in `controller.ts`.
 *
 *   loading -> documents -> review -> source -> certificate -> consent -> signing -> ended
 *
 * Documents that the application has chosen are reviewed at once: `documents` is where a signer chooses files. The
 * certificate need not be chosen when exactly one fits. When the server finds that a document cannot be signed, the
 * step `aside` comes between signing and a new consent, which leaves that document out.
 *
 * The server's session decides: once it is not pending any more, the page shows how it ended, whatever step it was in.
 */
import type { KeySource } from '../keysource/keysource';
import { awaitsSignature, type DocumentView, type Refused, type SessionView, waits } from '../server/model';
import type { Listed } from './certificates';
import type { Problem } from './problem';

export type Step = 'documents' | 'review' | 'source' | 'certificate' | 'consent' | 'aside';

/** A file on its way to the server, or one that was refused (`error`). */
export interface Upload {
  readonly id: number;
  readonly name: string;
  readonly length: number;
  /** 0..1 */
  readonly sent: number;
  readonly error: Problem | null;
}

export type Phase = 'preparing' | 'checking' | 'signing' | 'sending' | 'processing';

export interface Progress {
  readonly phase: Phase;
  readonly done: number;
  readonly total: number;
}

/** How far the signature is, from the click to the end: 0..1. It never goes back. */
export interface Shown extends Progress {
  readonly part: number;
}

/** What another device reads to go on. */
export interface Code {
  /** The address of the picture. */
  readonly picture: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

export interface State {
  readonly session: SessionView | null;
  readonly step: Step;
  readonly uploads: readonly Upload[];
  /** Where each document that was chosen here stood among the signer's files: document -> upload. */
  readonly chosen: Readonly<Record<string, number>>;
  /** Documents that the signer has been shown, by id. */
  readonly shown: readonly string[];
  /** The consent was left to read once more. */
  readonly again: boolean;
  /** Documents that cannot be signed: the next consent leaves them out. */
  readonly refused: readonly Refused[];
  readonly source: KeySource | null;
  /** Those of the source, best first. */
  readonly certificates: readonly Listed[];
  readonly certificateId: string | null;
  /** A call or a key is at work: buttons wait. */
  readonly busy: boolean;
  readonly progress: Shown | null;
  readonly problem: Problem | null;
  /** The service asked for a signature on another file: the signer signs nothing with this page any more. */
  readonly alarm: Problem | null;
  /** While another device goes on. */
  readonly handOver: Code | null;
}

export type Happening =
  | { readonly kind: 'loaded'; readonly session: SessionView }
  | { readonly kind: 'uploadStarted'; readonly upload: Upload }
  | { readonly kind: 'uploadSent'; readonly id: number; readonly sent: number }
  | { readonly kind: 'uploadAccepted'; readonly id: number; readonly document: DocumentView }
  | { readonly kind: 'uploadRefused'; readonly id: number; readonly problem: Problem }
  | { readonly kind: 'uploadRetried'; readonly id: number }
  | { readonly kind: 'uploadDismissed'; readonly id: number }
  | { readonly kind: 'went'; readonly step: Step }
  | { readonly kind: 'started' }
  | { readonly kind: 'rested' }
  | { readonly kind: 'failed'; readonly problem: Problem }
  | { readonly kind: 'waiting'; readonly problem: Problem }
  | { readonly kind: 'sourceClosed' }
  | { readonly kind: 'sourceOpened'; readonly source: KeySource; readonly certificates: readonly Listed[] }
  | { readonly kind: 'certificateChosen'; readonly certificateId: string }
  | { readonly kind: 'handedOver'; readonly code: Code }
  | { readonly kind: 'cameBack' }
  | { readonly kind: 'refused'; readonly refused: readonly Refused[] }
  | { readonly kind: 'progressed'; readonly progress: Progress }
  /** The texts are those of another language now. */
  | { readonly kind: 'spoken' };

export const START: State = {
  session: null,
  step: 'documents',
  uploads: [],
  chosen: {},
  shown: [],
  again: false,
  refused: [],
  source: null,
  certificates: [],
  certificateId: null,
  busy: true,
  progress: null,
  problem: null,
  alarm: null,
  handOver: null,
};

export function next(state: State, happening: Happening): State {
  switch (happening.kind) {
    case 'loaded':
      return loaded(state, happening.session);
    case 'uploadStarted':
      return { ...state, uploads: [...state.uploads, happening.upload], problem: null };
    case 'uploadSent':
      return { ...state, uploads: changed(state.uploads, happening.id, { sent: happening.sent }) };
    case 'uploadRefused':
      return { ...state, uploads: changed(state.uploads, happening.id, { error: happening.problem }) };
    case 'uploadRetried':
      return { ...state, uploads: changed(state.uploads, happening.id, { error: null, sent: 0 }) };
    case 'uploadDismissed':
      return { ...state, uploads: without(state.uploads, happening.id) };
    case 'uploadAccepted':
      return {
        ...withDocument(state, happening.document),
        uploads: without(state.uploads, happening.id),
        chosen: { ...state.chosen, [happening.document.id]: happening.id },
      };
    case 'went':
      return went(state, happening.step);
    case 'started':
      return { ...state, busy: true, problem: null };
    case 'rested':
      return { ...state, busy: false };
    case 'failed':
      return failed(state, happening.problem);
    case 'waiting': // the server does not answer, and is asked again
      return { ...state, problem: happening.problem };
    case 'sourceClosed':
      return { ...state, source: null, certificates: [], certificateId: null };
    case 'sourceOpened':
      return opened(state, happening.source, happening.certificates);
    case 'certificateChosen':
      return { ...state, certificateId: happening.certificateId };
    case 'handedOver':
      return { ...state, busy: false, handOver: happening.code };
    case 'cameBack':
      return { ...state, busy: false, handOver: null, problem: null };
    case 'refused': // another file may be whole again meanwhile: then the consent is asked for anew
      return {
        ...state,
        busy: false,
        progress: null,
        refused: happening.refused,
        step: happening.refused.length > 0 ? 'aside' : 'consent',
      };
    case 'progressed':
      return { ...state, busy: true, progress: onward(state, happening.progress) };
    case 'spoken':
      return { ...state };
  }
}

function failed(state: State, problem: Problem): State {
  return { ...state, busy: false, progress: null, problem, alarm: problem.code === 'WrongDocument' ? problem : state.alarm };
}

/** Where each phase begins and ends on the one scale. */
const SCALE: Readonly<Record<Phase, readonly [number, number]>> = {
  preparing: [0.05, 0.05],
  checking: [0.2, 0.35],
  signing: [0.35, 0.5],
  sending: [0.5, 0.5],
  processing: [0.6, 0.95],
};

function onward({ progress: before }: State, progress: Progress): Shown {
  const [begin, end] = SCALE[progress.phase];
  const part = begin + (end - begin) * (progress.total > 0 ? progress.done / progress.total : 0);
  return { ...progress, part: Math.max(part, before?.part ?? 0) };
}

function opened(state: State, source: KeySource, certificates: readonly Listed[]): State {
  const usable = certificates.filter(({ judgement }) => judgement.usable);
  const step = usable.length === 1 ? 'consent' : 'certificate';
  return { ...state, busy: false, source, certificates, certificateId: usable[0]?.info.id ?? null, step };
}

/** What the server says is so: an ended session leaves every step. */
function loaded(state: State, session: SessionView): State {
  const processing = waits(session);
  const done = session.documents.filter((document) => !awaitsSignature(document) && document.status !== 'Processing');
  const progress = processing
    ? onward(state, { phase: 'processing', done: done.length, total: session.documents.length })
    : null;
  // Whatever comes after processing is shown from its beginning, also a second failure. Where nothing could be signed, the
  // session ends without any processing.
  const moved = state.session !== null && state.session.status !== session.status;
  const step = processing || moved ? 'documents' : placeOf(state.step, session);
  const arrived = { ...state, session, step, progress, busy: processing, problem: null };
  return step !== 'documents' && session.status === 'Pending' && !allShown(arrived) ? went(arrived, 'review') : arrived;
}

/** Nobody chooses files in a session that has its documents. */
function placeOf(step: Step, session: SessionView | null): Step {
  return step === 'documents' && session?.predefined && session.status === 'Pending' ? 'review' : step;
}

function went(state: State, wanted: Step): State {
  // From here on the signer may change the documents: what was said of them before is over.
  const refused = wanted === 'documents' ? [] : state.refused;
  const step = reached({ ...state, refused }, placeOf(wanted, state.session));
  const shown = step === 'review' ? toSign({ ...state, refused }).map(({ id }) => id) : state.shown;
  const again = step === 'review' && (state.step === 'consent' || (state.step === 'review' && state.again));
  return { ...state, step, shown, refused, again, problem: null };
}

/**
 * The step that can be shown when `wanted` is asked for: the browser's own buttons ask for any of them. Nothing is signed
 * that was not shown, with no key that is not open.
 */
function reached(state: State, wanted: Step): Step {
  const { session, source, uploads } = state;
  if (wanted === 'documents' || session?.status !== 'Pending') return wanted;
  const none = toSign(state).length === 0 && wanted !== 'aside';
  const underWay = uploads.some(({ error }) => error === null);
  if (!session.predefined && (none || underWay)) return 'documents';
  if (wanted === 'review' || !allShown(state)) return 'review';
  if (source === null) return 'source';
  return wanted === 'aside' && state.refused.length === 0 ? 'consent' : wanted;
}

/** Another tab may have added a document: it is not signed before it was shown here, too. */
function allShown(state: State): boolean {
  return toSign(state).every(({ id }) => state.shown.includes(id));
}

function withDocument(state: State, document: DocumentView): State {
  if (state.session === null) return state;
  // An answer to another call may have brought it already.
  const others = state.session.documents.filter(({ id }) => id !== document.id);
  return { ...state, session: { ...state.session, documents: [...others, document] } };
}

function changed(uploads: readonly Upload[], id: number, change: Partial<Upload>): Upload[] {
  return uploads.map((upload) => (upload.id === id ? { ...upload, ...change } : upload));
}

function without(uploads: readonly Upload[], id: number): Upload[] {
  return uploads.filter((upload) => upload.id !== id);
}

/** The documents that the next consent covers. */
export function toSign(state: State): readonly DocumentView[] {
  return waiting(state).filter(({ id }) => reasonOf(state, id) === null);
}

/** The documents that the next consent leaves out, each with the reason. */
export function leftOut(state: State): readonly (readonly [DocumentView, Refused])[] {
  return waiting(state).flatMap((document) => {
    const reason = reasonOf(state, document.id);
    return reason === null ? [] : [[document, reason] as const];
  });
}

/** A file that the signer chose, or a document that was there before: what became of each, in that order. */
export function inOrder({ session, uploads, chosen }: State): readonly (DocumentView | Upload)[] {
  const place = (row: DocumentView | Upload): number => ('error' in row ? row.id : (chosen[row.id] ?? 0));
  return [...(session?.documents ?? []), ...uploads].sort((one, other) => place(one) - place(other));
}

/** True where the documents stand beside the step: from their reading to the signature. */
export function beside(state: State): boolean {
  const { session, step, handOver } = state;
  return session?.status === 'Pending' && step !== 'documents' && handOver === null && toSign(state).length > 0;
}

export interface Place {
  readonly name: 'documents' | 'review' | 'source' | 'consent';
  /** From 1. */
  readonly number: number;
  readonly total: number;
}

/** Where the signer is on the way to the signature; null once it is behind them, and on a way of its own. */
export function placeOnTheWay({ session, step, handOver, progress }: State): Place | null {
  if (session === null || handOver !== null || (session.status !== 'Pending' && progress === null)) return null;
  const way: readonly Place['name'][] = session.predefined
    ? ['review', 'source', 'consent']
    : ['documents', 'review', 'source', 'consent'];
  const name = progress !== null || step === 'aside' ? 'consent' : step === 'certificate' ? 'source' : step;
  return { name, number: way.indexOf(name) + 1, total: way.length };
}

/** True when the server says of the same documents that they cannot be signed as it did before. */
export function sameRefused(one: readonly Refused[], other: readonly Refused[]): boolean {
  const ids = (all: readonly Refused[]) => all.map(({ documentId }) => documentId).sort().join();
  return ids(one) === ids(other);
}

function waiting({ session }: State): readonly DocumentView[] {
  return session?.documents.filter(awaitsSignature) ?? [];
}

function reasonOf({ refused }: State, id: string): Refused | null {
  return refused.find(({ documentId }) => documentId === id) ?? null;
}

/** Documents whose content is in the session already. */
export function repeated(documents: readonly DocumentView[]): ReadonlySet<string> {
  const seen = new Set<string>();
  return new Set(documents.filter(({ sha256 }) => seen.size === seen.add(sha256).size).map(({ id }) => id));
}

/** True while something would be lost by leaving. */
export function unsaved(state: State): boolean {
  const uploading = state.uploads.some(({ error }) => error === null);
  const signing = state.progress !== null && state.progress.phase !== 'processing';
  return uploading || signing;
}
