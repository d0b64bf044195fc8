import { describe, expect, test } from 'vitest';
import type { KeySource } from '../keysource/keysource';
import type { DocumentView, SessionView } from '../server/model';
import type { Listed } from './certificates';
import { beside, type Happening, inOrder, leftOut, next, placeOnTheWay, repeated, sameRefused, START, type State, toSign, unsaved } from './flow';

const document = (id: string, changes: Partial<DocumentView> = {}): DocumentView => ({
  id,
  name: `${id}.pdf`,
  formattedKey: id,
  contentType: 'application/pdf',
  length: 10,
  sha256: id,
  pages: 1,
  signatures: 0,
  findings: [],
  status: 'PendingSignature',
  processingErrorCode: null,
  processingErrorDetail: null,
  leftOut: false,
  awaitsLevel: false,
  signedFile: null,
  ...changes,
});

const session = (changes: Partial<SessionView> = {}): SessionView => ({
  status: 'Pending',
  applicationName: 'App',
  predefined: false,
  disableDownloads: false,
  background: false,
  expiresAt: '2026-11-24T00:00:00Z',
  extensible: true,
  returnUrl: null,
  processingErrorCode: null,
  maxFile: 100,
  maxDocuments: 100,
  pdfOnly: false,
  identityConfirmed: true,
  signedFiles: null,
  handOver: false,
  keySources: ['pfx', 'demo'],
  branding: null,
  keySourceConfig: { cryptoDevice: false, webPki: null },
  requirements: [],
  signer: null,
  documents: [],
  ...changes,
});

const after = (...happenings: readonly Happening[]): State => happenings.reduce(next, START);
const upload = { id: 1, name: 'a.pdf', length: 10, sent: 0, error: null };

const listed = (id: string, usable: boolean): Listed => ({
  info: { id, der: new Uint8Array(), chain: [] },
  summary: null,
  thumbprint: '',
  judgement: { usable, code: usable ? null : 'CertificateExpired', detail: null, ofAuthority: false, name: null, confirmedBy: null },
});
const source: KeySource = { kind: 'pfx', certificates: [], sign: async () => [], close: () => {} };
/** A source with the one certificate that fits. */
const OPEN: Happening = { kind: 'sourceOpened', source, certificates: [listed('a', true)] };

describe('uploads', () => {
  test('an accepted upload becomes a document', () => {
    const state = after(
      { kind: 'loaded', session: session() },
      { kind: 'uploadStarted', upload },
      { kind: 'uploadSent', id: 1, sent: 0.5 },
      { kind: 'uploadAccepted', id: 1, document: document('a') },
    );
    expect(state.uploads).toEqual([]);
    expect(toSign(state).map(({ id }) => id)).toEqual(['a']);
  });

  test('a refused upload stays with its reason until it is dismissed', () => {
    const problem = { code: 'InvalidPdf', message: '' };
    const refused = after({ kind: 'uploadStarted', upload }, { kind: 'uploadRefused', id: 1, problem });
    expect(refused.uploads[0]?.error).toEqual(problem);
    expect(next(refused, { kind: 'uploadDismissed', id: 1 }).uploads).toEqual([]);
  });

  test('a refused upload that is sent again starts anew', () => {
    const problem = { code: 'Network', message: '' };
    const again = after(
      { kind: 'uploadStarted', upload: { ...upload, sent: 0.7 } },
      { kind: 'uploadRefused', id: 1, problem },
      { kind: 'uploadRetried', id: 1 },
    );
    expect(again.uploads).toEqual([upload]);
  });

  test('a document that another answer has brought already is not listed twice', () => {
    const state = after(
      { kind: 'loaded', session: session({ documents: [document('a')] }) },
      { kind: 'uploadStarted', upload },
      { kind: 'uploadAccepted', id: 1, document: document('a') },
    );
    expect(state.session?.documents).toHaveLength(1);
    expect(state.uploads).toEqual([]);
  });

  test('only a running upload is lost by leaving', () => {
    const running = after({ kind: 'uploadStarted', upload });
    const problem = { code: 'InvalidPdf', message: '' };
    expect(unsaved(running)).toBe(true);
    expect(unsaved(next(running, { kind: 'uploadRefused', id: 1, problem }))).toBe(false);
  });

  test('the same content twice is noticed, whatever the names', () => {
    const same = [document('a', { sha256: 'x' }), document('b', { sha256: 'x' }), document('c')];
    expect([...repeated(same)]).toEqual(['b']);
  });
});

describe('review', () => {
  const reviewed = after(
    { kind: 'loaded', session: session({ documents: [document('a')] }) },
    { kind: 'went', step: 'review' },
    { kind: 'went', step: 'source' },
  );

  test('a document that another tab has added is shown before it is signed', () => {
    const more = session({ documents: [document('a'), document('b')] });
    const state = next(reviewed, { kind: 'loaded', session: more });
    expect(state).toMatchObject({ step: 'review', shown: ['a', 'b'] });
  });

  test('what was shown is not shown again', () => {
    expect(next(reviewed, { kind: 'loaded', session: session({ documents: [document('a')] }) }).step).toBe('source');
    expect(next(reviewed, { kind: 'loaded', session: session() }).step).toBe('source');
  });
});

describe('the certificate', () => {
  const opened = (...certificates: Listed[]) => next(START, { kind: 'sourceOpened', source, certificates });

  test('is not asked for when exactly one fits', () => {
    expect(opened(listed('a', true), listed('b', false))).toMatchObject({ step: 'consent', certificateId: 'a' });
  });

  test('is asked for when several fit, the best one being suggested', () => {
    expect(opened(listed('a', true), listed('b', true))).toMatchObject({ step: 'certificate', certificateId: 'a' });
  });

  test('cannot be chosen when none fits', () => {
    expect(opened(listed('a', false))).toMatchObject({ step: 'certificate', certificateId: null });
    expect(opened()).toMatchObject({ step: 'certificate', certificateId: null });
  });
});

describe('a document that cannot be signed', () => {
  const reason = (documentId: string) => ({ documentId, code: 'InvalidPdf', message: '', detail: 'It has no page.' });
  const documents = [document('a'), document('b'), document('c')];
  const asked = after(
    { kind: 'loaded', session: session({ documents }) },
    { kind: 'went', step: 'review' },
    OPEN,
    { kind: 'progressed', progress: { phase: 'preparing', done: 0, total: 0 } },
  );
  const told = next(asked, { kind: 'refused', refused: [reason('b')] });

  test('is shown with its reason, and the buttons are given back', () => {
    expect(told).toMatchObject({ step: 'aside', busy: false, progress: null });
    expect(leftOut(told).map(([{ id }, { detail }]) => [id, detail])).toEqual([['b', 'It has no page.']]);
  });

  test('is left out of the next consent', () => {
    const consent = next(told, { kind: 'went', step: 'consent' });
    expect(toSign(consent).map(({ id }) => id)).toEqual(['a', 'c']);
    expect(leftOut(consent)).toHaveLength(1);
  });

  test('may be all that there is', () => {
    const all = next(asked, { kind: 'refused', refused: ['a', 'b', 'c'].map(reason) });
    expect(toSign(all)).toEqual([]);
    expect(all.step).toBe('aside');
  });

  test('may end the session without any processing', () => {
    const all = next(asked, { kind: 'refused', refused: ['a', 'b', 'c'].map(reason) });
    expect(next(all, { kind: 'loaded', session: session({ status: 'ProcessingError' }) }).step).toBe('documents');
  });

  test('is forgotten when the signer goes back to the documents', () => {
    expect(leftOut(next(told, { kind: 'went', step: 'documents' }))).toEqual([]);
  });

  test('may be whole again: then the consent covers it once more', () => {
    const consent = next(next(told, { kind: 'went', step: 'consent' }), { kind: 'refused', refused: [] });
    expect(consent).toMatchObject({ step: 'consent', busy: false });
    expect(toSign(consent)).toHaveLength(3);
  });

  test('counts by the document, not by the words', () => {
    expect(sameRefused([reason('a'), reason('b')], [reason('b'), { ...reason('a'), detail: null }])).toBe(true);
    expect(sameRefused([reason('a')], [reason('a'), reason('b')])).toBe(false);
    expect(sameRefused([], [])).toBe(true);
  });
});

describe('signing', () => {
  const signing = after(
    { kind: 'loaded', session: session({ documents: [document('a')] }) },
    { kind: 'went', step: 'review' },
    OPEN,
    { kind: 'progressed', progress: { phase: 'signing', done: 0, total: 1 } },
  );

  test('a failure gives the buttons back and keeps the step', () => {
    const failed = next(signing, { kind: 'failed', problem: { code: 'Network', message: '' } });
    expect(failed).toMatchObject({ busy: false, progress: null, step: 'consent' });
  });

  test('nothing lets the signer sign again for a service that asked for another file', () => {
    const problem = { code: 'WrongDocument', message: '' };
    const failed = next(signing, { kind: 'failed', problem });
    const happenings: Happening[] = [
      { kind: 'started' },
      { kind: 'loaded', session: session({ documents: [document('a')] }) },
      { kind: 'went', step: 'review' },
      { kind: 'failed', problem: { code: 'Network', message: '' } },
    ];
    expect(happenings.reduce(next, failed)).toMatchObject({ problem: { code: 'Network' }, alarm: problem });
    expect(next(signing, { kind: 'failed', problem: { code: 'Network', message: '' } }).alarm).toBeNull();
  });

  test('processing counts what is done, and leaving is free', () => {
    const documents = [document('a', { status: 'Completed' }), document('b', { status: 'Processing' })];
    const state = next(signing, { kind: 'loaded', session: session({ status: 'Processing', documents }) });
    expect(state.progress).toMatchObject({ phase: 'processing', done: 1, total: 2 });
    expect(unsaved(state)).toBe(false);
  });

  test('a server that does not answer while it processes is said, and forgotten once it does', () => {
    const processing = next(signing, { kind: 'loaded', session: session({ status: 'Processing' }) });
    const waiting = next(processing, { kind: 'waiting', problem: { code: 'Network', message: '' } });
    expect(waiting).toMatchObject({ progress: { phase: 'processing' }, problem: { code: 'Network' } });
    expect(next(waiting, { kind: 'loaded', session: session({ status: 'Completed' }) }).problem).toBeNull();
  });

  test('a second failure after a retry is shown as a failure, not as the consent', () => {
    const documents = [document('a', { status: 'ProcessingError', processingErrorCode: 'InternalError' })];
    const failed = after(
      { kind: 'loaded', session: session({ status: 'ProcessingError', documents }) },
      { kind: 'went', step: 'consent' },
      { kind: 'loaded', session: session({ status: 'Processing', documents }) },
      { kind: 'loaded', session: session({ status: 'ProcessingError', documents }) },
    );
    expect(failed.step).toBe('documents');
    expect(toSign(failed)).toHaveLength(1);
  });

  test('what is signed already is not signed again', () => {
    const documents = [document('a', { status: 'Completed' }), document('b', { status: 'ProcessingError' })];
    const state = next(signing, { kind: 'loaded', session: session({ status: 'ProcessingError', documents }) });
    expect(toSign(state).map(({ id }) => id)).toEqual(['b']);
  });
});

describe('how far the signature is', () => {
  const reading = after({ kind: 'loaded', session: session({ predefined: true, documents: [document('a')] }) }, OPEN);
  const told = session({ status: 'Processing', predefined: true, documents: [document('a', { status: 'Processing' })] });

  test('is on one scale from the click to the end, and never goes back', () => {
    const parts: number[] = [];
    let state = reading;
    const happenings: Happening[] = [
      ...(['preparing', 'checking', 'checking', 'signing', 'signing', 'sending'] as const).map(
        (phase, index): Happening => ({ kind: 'progressed', progress: { phase, done: index % 2, total: 1 } }),
      ),
      { kind: 'loaded', session: told },
    ];
    for (const happening of happenings) {
      state = next(state, happening);
      parts.push(state.progress?.part ?? -1);
    }
    expect(parts).toEqual([...parts].sort((one, other) => one - other));
    expect(parts[0]).toBeGreaterThan(0);
    expect(parts.at(-1)).toBeLessThan(1);
  });

  test('leaves the steps in sight until the session has ended', () => {
    const consent = { name: 'consent', number: 3, total: 3 };
    const signing = next(reading, { kind: 'progressed', progress: { phase: 'signing', done: 0, total: 1 } });
    expect(placeOnTheWay(signing)).toEqual(consent);
    const processing = next(signing, { kind: 'loaded', session: told });
    expect(placeOnTheWay(processing)).toEqual(consent);
    expect(placeOnTheWay(next(processing, { kind: 'loaded', session: { ...told, status: 'Completed' } }))).toBeNull();
  });
});

describe('the buttons of the browser', () => {
  const chosen = session({ documents: [document('a')] });
  const reviewed = after({ kind: 'loaded', session: chosen }, { kind: 'went', step: 'review' });
  const go = (state: State, step: State['step']) => next(state, { kind: 'went', step }).step;

  test('lead to no consent without an open key', () => {
    expect(go(reviewed, 'consent')).toBe('source');
    expect(go(reviewed, 'certificate')).toBe('source');
    const open = next(reviewed, OPEN);
    expect(go(next(open, { kind: 'went', step: 'review' }), 'consent')).toBe('consent');
    expect(go(next(open, { kind: 'sourceClosed' }), 'consent')).toBe('source');
  });

  test('lead back to the consent from reading once more, and else by the choice of the key', () => {
    const consent = next(reviewed, OPEN);
    const again = next(consent, { kind: 'went', step: 'review' });
    expect(again.again).toBe(true);
    expect(next(again, { kind: 'loaded', session: chosen }).again).toBe(true);
    const other = next(next(consent, { kind: 'went', step: 'source' }), { kind: 'went', step: 'review' });
    expect(other.again).toBe(false);
  });

  test('lead past no document that was not shown', () => {
    const more = next(next(reviewed, OPEN), { kind: 'went', step: 'documents' });
    const added = next(more, { kind: 'uploadAccepted', id: 1, document: document('b') });
    expect(go(added, 'consent')).toBe('review');
  });

  test('lead nowhere while there is nothing to sign', () => {
    expect(go(after({ kind: 'loaded', session: session() }), 'review')).toBe('documents');
    expect(go(next(reviewed, { kind: 'uploadStarted', upload }), 'source')).toBe('documents');
    expect(go(reviewed, 'aside')).toBe('source');
  });
});

describe('where the signer is', () => {
  const predefined = session({ predefined: true, documents: [document('a')] });

  test('documents that the application has chosen are read at once', () => {
    const state = after({ kind: 'loaded', session: predefined });
    expect(state).toMatchObject({ step: 'review', shown: ['a'] });
    expect(next(state, { kind: 'went', step: 'documents' }).step).toBe('review');
    expect(after({ kind: 'loaded', session: { ...predefined, status: 'Expired' } }).step).toBe('documents');
  });

  test('back to the reading, what could not be signed may be signed again', () => {
    const refused = [{ documentId: 'a', code: 'FileChanged', message: '', detail: null }];
    const state = after({ kind: 'loaded', session: predefined }, { kind: 'refused', refused });
    expect(next(state, { kind: 'went', step: 'documents' })).toMatchObject({ step: 'review', refused: [], shown: ['a'] });
  });

  test('the steps are counted, without those that this session does not have', () => {
    const reading = after({ kind: 'loaded', session: predefined });
    expect(placeOnTheWay(reading)).toEqual({ name: 'review', number: 1, total: 3 });
    expect(placeOnTheWay({ ...reading, step: 'certificate' })).toEqual({ name: 'source', number: 2, total: 3 });
    expect(placeOnTheWay({ ...reading, step: 'aside' })).toEqual({ name: 'consent', number: 3, total: 3 });
    expect(placeOnTheWay(after({ kind: 'loaded', session: session() }))).toEqual({ name: 'documents', number: 1, total: 4 });
    expect(placeOnTheWay({ ...reading, handOver: { picture: 'blob:x', expiresAt: '2026-01-01T00:05:00Z' } })).toBeNull();
    expect(placeOnTheWay(START)).toBeNull();
  });

  test('the documents stand beside every step from their reading to the signature', () => {
    const reading = after({ kind: 'loaded', session: predefined });
    for (const step of ['review', 'source', 'certificate', 'consent', 'aside'] as const) {
      expect(beside({ ...reading, step })).toBe(true);
    }
    expect(beside({ ...reading, handOver: { picture: 'blob:x', expiresAt: '2026-01-01T00:05:00Z' } })).toBe(false);
    expect(beside(after({ kind: 'loaded', session: session() }))).toBe(false);
  });

  test('what was refused keeps its place among the files', () => {
    const problem = { code: 'InvalidPdf', message: '' };
    const state = after(
      { kind: 'loaded', session: session({ documents: [document('before')] }) },
      { kind: 'uploadStarted', upload: { ...upload, id: 1, name: 'fake.pdf' } },
      { kind: 'uploadStarted', upload: { ...upload, id: 2, name: 'b.pdf' } },
      { kind: 'uploadStarted', upload: { ...upload, id: 3, name: 'c.pdf' } },
      { kind: 'uploadRefused', id: 1, problem },
      { kind: 'uploadAccepted', id: 3, document: document('c') },
      { kind: 'uploadAccepted', id: 2, document: document('b') },
    );
    expect(inOrder(state).map(({ name }) => name)).toEqual(['before.pdf', 'fake.pdf', 'b.pdf', 'c.pdf']);
  });
});
