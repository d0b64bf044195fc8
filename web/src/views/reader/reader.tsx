import type { RefObject, VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { DocumentView } from '../../server/model';
import type { Controller } from '../../session/controller';
import { passing, type Problem, problemOf } from '../../session/problem';
import { factsOf, fill, sentence, texts } from '../../texts/format';
import { Findings } from '../findings';

const t = texts.review;
/** Pages that a document begins with; as many come with each arrival at its end. */
const BATCH = 20;
/** A page that is only scrolled past is not fetched. */
const SETTLE_MS = 150;
/** Pixels before a page is seen. */
const AHEAD = '400px';

interface ReaderProps {
  readonly documents: readonly DocumentView[];
  readonly controller: Controller;
}

/** What is about to be signed, page by page. It fills the stage: the whole width of a phone, or the space beside the action. */
export function Reader({ documents, controller }: ReaderProps): VNode {
  return (
    <div class="reader">
      {documents.map((document) => (
        <Reviewed key={document.id} document={document} controller={controller} />
      ))}
    </div>
  );
}

interface DocumentProps {
  readonly document: DocumentView;
  readonly controller: Controller;
}

function Reviewed({ document, controller }: DocumentProps): VNode {
  return (
    <article aria-label={document.name}>
      <h2 class="name">{document.name}</h2>
      <p class="what">
        <span class="facts">{factsOf(document).join(' · ')}</span>
        <Findings findings={document.findings} />
      </p>
      {document.pages > 0 ? <Pages document={document} controller={controller} /> : <p>{t.none}</p>}
      <details>
        <summary>{texts.certificates.details}</summary>
        <p class="facts digest">{fill(texts.consent.fingerprint, { digest: document.sha256 })}</p>
      </details>
      <button type="button" class="plain" onClick={() => void controller.show(document)}>
        {fill(texts.documents.open, { name: document.name })}
      </button>
    </article>
  );
}

/** A window on the pages, so that the end of the step is near however many there are. */
function Pages({ document, controller }: DocumentProps): VNode {
  const [count, setCount] = useState(BATCH);
  const end = useRef<HTMLLIElement>(null);
  const atEnd = useNear(end);
  const more = count < document.pages;
  useEffect(() => {
    if (atEnd) setCount((before) => before + BATCH);
  }, [atEnd]);
  const numbers = Array.from({ length: Math.min(count, document.pages) }, (_, page) => page);
  return (
    <ol class="pages" tabIndex={0} aria-label={fill(t.pagesOf, { name: document.name })}>
      {numbers.map((page) => (
        <PageOf key={page} document={document} controller={controller} page={page} />
      ))}
      <li ref={end} hidden={!more} aria-hidden="true" />
    </ol>
  );
}

interface PageProps extends DocumentProps {
  /** From 0. */
  readonly page: number;
}

function PageOf({ document, controller, page }: PageProps): VNode {
  const name = fill(t.page, { number: page + 1, total: document.pages, name: document.name });
  return (
    <li>
      <Picture document={document} controller={controller} page={page} name={name} />
      <Words document={document} controller={controller} page={page} />
    </li>
  );
}

function Picture({ document, controller, page, name }: PageProps & { readonly name: string }): VNode {
  const frame = useRef<HTMLDivElement>(null);
  const near = useNear(frame);
  const [address, setAddress] = useState<string | null>(null);
  const [ratio, setRatio] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    if (!near || problem !== null) return;
    let made: string | null = null;
    let gone = false;
    const timer = setTimeout(() => {
      controller.picture(document, page).then(
        (picture) => {
          if (gone) return;
          made = URL.createObjectURL(picture);
          setAddress(made);
        },
        (error: unknown) => gone || setProblem(problemOf(error)),
      );
    }, SETTLE_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
      if (made !== null) URL.revokeObjectURL(made);
      setAddress(null); // the server keeps it for a while: memory here must not grow with the pages
    };
  }, [near, problem, controller, document.id, page]);
  return (
    <div ref={frame} class="paper" style={ratio === null ? {} : { aspectRatio: ratio }}>
      {address !== null && (
        <img
          src={address}
          alt={name}
          onLoad={({ currentTarget }) => setRatio(`${currentTarget.naturalWidth} / ${currentTarget.naturalHeight}`)}
        />
      )}
      {address === null && problem === null && <p class="facts">{name}</p>}
      {problem !== null && <p class="problem">{sentence(problem)}</p>}
      {problem !== null && passing(problem) && (
        <button type="button" class="plain" onClick={() => setProblem(null)}>
          {texts.problem.retry}
        </button>
      )}
    </div>
  );
}

/** What a page says, for whom does not see it; fetched when it is asked for. */
function Words({ document, controller, page }: PageProps): VNode {
  const [words, setWords] = useState<string | null>(null);
  const read = () => {
    controller.words(document, page).then(
      (found) => setWords(found || t.wordless),
      (error: unknown) => setWords(sentence(problemOf(error))),
    );
  };
  return (
    <details onToggle={({ currentTarget }) => currentTarget.open && read()}>
      <summary>{fill(t.text, { number: page + 1 })}</summary>
      <p class="words">{words ?? texts.loading}</p>
    </details>
  );
}

/** True while the element is on the screen, or nearly. */
function useNear(element: RefObject<HTMLElement | null>): boolean {
  const [near, setNear] = useState(false);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new IntersectionObserver(
      (entries) => setNear(entries.at(-1)?.isIntersecting ?? false),
      { rootMargin: AHEAD },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return near;
}
