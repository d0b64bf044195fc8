import type { VNode } from 'preact';
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';
import type { DocumentView } from '../../server/model';
import type { Controller } from '../../session/controller';
import { passing, type Problem, problemOf } from '../../session/problem';
import { fill, sentence, texts } from '../../texts/format';
import type { Place } from './arithmetic';
import type { Pictures } from './pictures';
import type { Found } from './search';

const t = texts.review;

export interface SheetProps {
  readonly document: DocumentView;
  readonly controller: Controller;
  readonly pictures: Pictures;
  /** From 0. */
  readonly page: number;
  readonly place: Place;
  /** Pixels of its picture. */
  readonly fine: number;
  /** Milliseconds until it is fetched: a page that is only scrolled past is not. */
  readonly settle: number;
  readonly hits: readonly Found[];
  readonly hit: Found | null;
  /** The one page with a stop for the keyboard: whoever goes on with the tab key does not go through 2,000 pages. */
  readonly stop: boolean;
  /** All pages are looked at together, and this one was chosen. */
  readonly onPick: (() => void) | null;
  /** What is below the page, in pixels, changes its height. */
  readonly onOpened: (page: number, height: number) => void;
}

/** A page in its place. */
export function Sheet(props: SheetProps): VNode {
  const { document, page, place, hits, hit, stop, onPick, onOpened, controller } = props;
  const pixels = (number: number) => `${number}px`;
  const name = fill(t.page, { number: page + 1, total: document.pages, name: document.name });
  const paper = (
    <div class="paper" style={{ height: pixels(place.height) }}>
      <Picture {...props} name={name} />
      {hits.flatMap((one) =>
        one.areas.map(([left, top, width, height], line) => (
          <span
            key={`${top} ${left} ${line}`}
            class={one === hit ? 'hit at' : 'hit'}
            style={{ left: percent(left), top: percent(top), width: percent(width), height: percent(height) }}
          />
        )),
      )}
    </div>
  );
  return (
    <li
      data-page={page}
      aria-setsize={document.pages}
      aria-posinset={page + 1}
      style={{ left: pixels(place.left), top: pixels(place.top), width: pixels(place.width) }}
    >
      {onPick === null ? (
        <>
          {paper}
          <Words document={document} controller={controller} page={page} stop={stop} onOpened={onOpened} />
        </>
      ) : (
        <button type="button" class="pick" tabIndex={stop ? 0 : -1} aria-label={name} onClick={onPick}>
          {paper}
          <span aria-hidden="true">{page + 1}</span>
        </button>
      )}
    </li>
  );
}

function percent(part: number): string {
  return `${part * 100}%`;
}

function Picture({ document: { id }, page, fine, pictures, settle, onPick, name }: SheetProps & { readonly name: string }): VNode {
  const [, show] = useReducer<number, undefined>((times) => times + 1, 0);
  const [problem, setProblem] = useState<Problem | null>(null);
  useLayoutEffect(() => {
    if (problem !== null) return;
    let leave: (() => void) | undefined;
    const look = () => {
      leave = pictures.look(id, page, fine, () => show(undefined), (error) => setProblem(problemOf(error)));
    };
    const timer = settle > 0 && pictures.of(id, page) === null ? setTimeout(look, settle) : void look();
    return () => {
      clearTimeout(timer);
      leave?.();
    };
  }, [id, page, fine, pictures, problem]);
  const picture = pictures.of(id, page);
  if (picture !== null) return <img src={picture.address} alt={name} />;
  if (problem === null) return onPick === null ? <p class="facts">{name}</p> : <></>;
  return (
    <div>
      <p class="problem">{sentence(problem)}</p>
      {passing(problem) && (
        <button type="button" class="plain" onClick={() => setProblem(null)}>
          {texts.problem.retry}
        </button>
      )}
    </div>
  );
}

type WordsProps = Pick<SheetProps, 'document' | 'controller' | 'page' | 'stop' | 'onOpened'>;

/** What a page says, for whom does not see it; fetched when it is asked for. */
function Words({ document, controller, page, stop, onOpened }: WordsProps): VNode {
  const below = useRef<HTMLParagraphElement>(null);
  const [open, setOpen] = useState(false);
  const [words, setWords] = useState<string | null>(null);
  useEffect(() => {
    if (!open || words !== null) return;
    controller.pages.text(document.id, page).then(
      (found) => setWords(found || t.wordless),
      (error: unknown) => setWords(sentence(problemOf(error))),
    );
  }, [open]);
  useLayoutEffect(() => {
    if (below.current === null || !open) return;
    const watcher = new ResizeObserver(([entry]) => onOpened(page, entry?.borderBoxSize[0]?.blockSize ?? 0));
    watcher.observe(below.current);
    return () => {
      watcher.disconnect();
      onOpened(page, 0);
    };
  }, [open]);
  return (
    <details open={open} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary tabIndex={stop ? 0 : -1}>{fill(t.text, { number: page + 1 })}</summary>
      <p class="words" ref={below}>
        {words ?? texts.loading}
      </p>
    </details>
  );
}
