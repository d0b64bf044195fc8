import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { awaitsSignature, type DocumentView, type SessionView } from '../server/model';
import type { Controller } from '../session/controller';
import { inOrder, repeated, toSign, type Upload } from '../session/flow';
import { passing, type Problem } from '../session/problem';
import { factsOf, fill, sentence, size, texts } from '../texts/format';
import { Findings, isDoubt } from './findings';
import { Icon } from './icon';
import { Heading, Notice, Said, ToPhone, type ViewProps } from './parts';

const t = texts.documents;

const NO_DOCUMENT: Problem = { code: 'NoDocument', message: '' };

export function Documents({
  state,
  controller,
  session,
}: ViewProps & { readonly session: SessionView }): VNode {
  const twice = repeated(session.documents);
  const pending = state.uploads.some(({ error }) => error === null);
  const [missing, miss] = useState(false);
  const empty = toSign(state).length === 0 && !pending;
  const ready = !empty && !pending && !state.busy;
  useEffect(() => {
    if (!empty) miss(false);
  }, [empty]);
  const goOn = () => {
    controller.go(ready ? 'review' : 'documents'); // what was said before is over
    miss(!ready);
  };
  useFocusAfterRemoval(session.documents.length + state.uploads.length);
  return (
    <section>
      <Heading text={t.heading} />
      <p>{t.intro[session.pdfOnly ? 'pdf' : 'files']}</p>
      <Chooser session={session} controller={controller} first={empty} />
      <ul class="files chosen" aria-label={t.list}>
        {inOrder(state).map((row) =>
          'error' in row ? (
            <UploadRow
              key={row.id}
              upload={row}
              onRetry={() => controller.retry(row.id)}
              onDismiss={() => controller.dismiss(row.id)}
            />
          ) : (
            <Row
              key={row.id}
              document={row}
              twice={twice.has(row.id)}
              busy={state.busy}
              onRemove={() => void controller.remove(row.id)}
              onOpen={() => controller.show(row)}
            />
          ),
        )}
      </ul>
      <p class={session.documents.length + state.uploads.length > 0 ? 'unseen' : 'facts none'} role="status">
        {fill(t.count, { count: session.documents.length })}
      </p>
      <Notice problem={toSay(state.problem, missing && empty)} />
      <div class="actions">
        <button type="button" class={empty ? '' : 'primary'} disabled={pending || state.busy} onClick={goOn}>
          {t.next}
        </button>
        <ToPhone state={{ ...state, busy: pending || state.busy }} controller={controller} session={session} />
      </div>
    </section>
  );
}

/** `missing`: the signer wanted to go on without a document. What has happened since comes first. */
export function toSay(problem: Problem | null, missing: boolean): Problem | null {
  return problem ?? (missing ? NO_DOCUMENT : null);
}

/** The button that had the focus went with its row: a keyboard goes on from the heading, not from the top. */
function useFocusAfterRemoval(rows: number): void {
  const before = useRef(rows);
  useEffect(() => {
    const fewer = rows < before.current;
    before.current = rows;
    if (fewer && document.activeElement === document.body) document.querySelector('h1')?.focus({ preventScroll: true });
  }, [rows]);
}

function Row({
  document,
  twice,
  busy,
  onRemove,
  onOpen,
}: {
  readonly document: DocumentView;
  readonly twice: boolean;
  readonly busy: boolean;
  readonly onRemove: () => void;
  readonly onOpen: () => Promise<Problem | null>;
}): VNode {
  const [problem, say] = useState<Problem | null>(null);
  const facts = factsOf(document);
  if (document.signatures > 0) facts.push(fill(t.signatures, { count: document.signatures }));
  if (awaitsSignature(document)) facts.push(document.findings.some(isDoubt) ? t.readyBut : t.ready);
  return (
    <li>
      <Icon name="file" />
      <div class="what">
        <span class="name">{document.name}</span>
        <span class="facts">{facts.join(' · ')}</span>
        <Findings findings={document.findings} />
        {twice && <span class="warning">{t.twice}</span>}
        <Said problem={problem} />
      </div>
      <button type="button" class="quiet" title={fill(t.open, { name: document.name })} onClick={() => void onOpen().then(say)}>
        <Icon name="open" />
      </button>
      <button type="button" class="quiet" disabled={busy} title={fill(t.remove, { name: document.name })} onClick={onRemove}>
        <Icon name="remove" />
      </button>
    </li>
  );
}

function UploadRow({
  upload,
  onRetry,
  onDismiss,
}: {
  readonly upload: Upload;
  readonly onRetry: () => void;
  readonly onDismiss: () => void;
}): VNode {
  return (
    <li class={upload.error === null ? '' : 'refused'}>
      <Icon name={upload.error === null ? 'file' : 'out'} />
      <div class="what">
        <span class="name">{upload.name}</span>
        {upload.error === null ? (
          <progress aria-label={fill(t.uploading, { name: upload.name })} value={upload.sent} max={1} />
        ) : (
          <span class="problem" role="alert">
            {sentence(upload.error)}
          </span>
        )}
      </div>
      {upload.error !== null && passing(upload.error) && (
        <button type="button" class="quiet" title={fill(t.retry, { name: upload.name })} onClick={onRetry}>
          <Icon name="again" />
        </button>
      )}
      {upload.error !== null && (
        <button type="button" class="quiet" title={fill(t.dismiss, { name: upload.name })} onClick={onDismiss}>
          <Icon name="remove" />
        </button>
      )}
    </li>
  );
}

interface ChooserProps {
  readonly session: SessionView;
  readonly controller: Controller;
  /** Nothing else can be done yet. */
  readonly first: boolean;
}

function Chooser({ session, controller, first }: ChooserProps): VNode {
  const [over, setOver] = useState(false);
  const take = (files: FileList | null | undefined) => controller.add([...(files ?? [])], session.maxFile);
  return (
    <div
      class={over ? 'drop over' : 'drop'}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <label class={first ? 'button primary' : 'button'}>
        <input
          type="file"
          multiple
          onChange={({ currentTarget }) => {
            take(currentTarget.files);
            currentTarget.value = '';
          }}
        />
        {t.add[session.pdfOnly ? 'pdf' : 'files']}
      </label>{' '}
      <span class="wide">{t.drop}</span>
      <p class="facts">{fill(t.limit, { size: size(session.maxFile), count: session.maxDocuments })}</p>
    </div>
  );
}
