import type { VNode } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { DocumentView, PagesOfASize } from '../../server/model';
import type { Controller } from '../../session/controller';
import { fill, texts } from '../../texts/format';
import { Layout, pictureWidth, type View } from './arithmetic';
import type { Found } from './search';
import { Sheet } from './sheet';
import type { Shelf } from './shelf';

/** Screens that are drawn before they are seen, above and below. */
const AHEAD = 1;
const SETTLE_MS = 120;
/** Of the words below a page, as long as they are closed; the style has the same number. */
const FOOT_REM = 2.5;
/** For the bar with which a page is moved sideways. */
const SIDEWAYS = 16;

/** Where a document's pages are, for whoever goes to one. */
export interface Shown {
  readonly list: HTMLElement;
  readonly layout: Layout;
}

export interface PagesProps {
  readonly document: DocumentView;
  readonly controller: Controller;
  readonly shelf: Shelf;
  readonly view: View;
  readonly density: number;
  readonly hits: readonly Found[];
  readonly hit: Found | null;
  /** The page that the signer reads; null when it is in another document. */
  readonly current: number | null;
  readonly onPick: (page: number) => void;
  /** Document -> its pages; filled here. */
  readonly shown: Map<string, Shown>;
  /** Calls each of them when the screen shows another part. */
  readonly moves: Set<() => void>;
  /** When it was scrolled last, as `performance.now()` has it. */
  readonly scrolled: { readonly current: number };
}

/** The pages of a document. Only those near the screen are there; the others have their place. */
export function Pages(props: PagesProps): VNode {
  const { document, controller, view, density, shown, moves, scrolled, hits, hit, current, onPick, shelf } = props;
  const list = useRef<HTMLOListElement>(null);
  const [room, setRoom] = useState({ width: 0, foot: 0 });
  const [opened, setOpened] = useState<ReadonlyMap<number, number>>(new Map());
  const [range, setRange] = useState<readonly [number, number] | null>(null);
  const [focused, setFocused] = useState<number | null>(null);
  const near = range !== null;
  const sizes = useSizes(document, shelf, near);
  const layout = useMemo(
    () => new Layout(document.pages, sizes ?? [], view, { ...room, opened }),
    [document.pages, sizes, view, room, opened],
  );

  useLayoutEffect(() => {
    const element = list.current!;
    const measure = () => {
      const width = element.clientWidth;
      const foot = FOOT_REM * Number.parseFloat(getComputedStyle(globalThis.document.documentElement).fontSize);
      setRoom((before) => (before.width === width && before.foot === foot ? before : { width, foot }));
    };
    measure();
    const watcher = new ResizeObserver(measure);
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = list.current!;
    const move = () => {
      const above = -element.getBoundingClientRect().top;
      const ahead = innerHeight * AHEAD;
      const next = room.width > 0 ? layout.between(above - ahead, above + innerHeight + ahead) : null;
      setRange((before) => (String(before) === String(next) ? before : next));
    };
    shown.set(document.id, { list: element, layout });
    moves.add(move);
    move();
    return () => void moves.delete(move);
  }, [layout]);
  useEffect(() => () => void shown.delete(document.id), []);

  // Whoever zooms looks at the middle of the page.
  const before = useRef(0);
  useLayoutEffect(() => {
    const element = list.current!;
    const middle = element.clientWidth / 2;
    if (before.current > 0) element.scrollLeft = (element.scrollLeft + middle) * (layout.width / before.current) - middle;
    before.current = view.together ? 0 : layout.width;
  }, [layout.width, view.together]);

  const grow = (page: number, height: number) =>
    setOpened((before) => (before.get(page) === height ? before : new Map(before).set(page, height)));
  const wider = layout.width > room.width;
  return (
    <ol
      ref={list}
      class={view.together ? 'pages together' : 'pages'}
      tabIndex={0}
      aria-label={fill(texts.review.pagesOf, { name: document.name })}
      style={{ height: `${layout.height + (wider ? SIDEWAYS : 0)}px` }}
      onFocusIn={({ target }) => setFocused(pageAround(target))}
      onFocusOut={() => setFocused(null)}
      onKeyDown={({ key }) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
        if (!view.together || step === undefined || focused === null) return;
        list.current!.querySelector<HTMLElement>(`[data-page="${focused + step}"] button`)?.focus();
      }}
    >
      {sizes !== null &&
        wanted(range, focused).map((page) => (
          <Sheet
            key={page}
            document={document}
            controller={controller}
            pictures={shelf.pictures}
            page={page}
            place={layout.place(page)}
            fine={pictureWidth(layout.width, density)}
            settle={performance.now() - scrolled.current < SETTLE_MS ? SETTLE_MS : 0}
            hits={hits.filter((one) => one.page === page)}
            hit={hit}
            stop={page === (focused ?? current)}
            onPick={view.together ? () => onPick(page) : null}
            onOpened={grow}
          />
        ))}
    </ol>
  );
}

/** The pages that are drawn, in their order: those near the screen, and the one that has the focus, which would be lost. */
function wanted(range: readonly [number, number] | null, focused: number | null): number[] {
  const pages = range === null ? [] : Array.from({ length: range[1] - range[0] + 1 }, (_, index) => range[0] + index);
  if (focused !== null && !pages.includes(focused)) pages.push(focused);
  return pages.sort((one, other) => one - other);
}

function pageAround(target: EventTarget | null): number | null {
  const page = target instanceof Element ? target.closest('li')?.dataset['page'] : undefined;
  return page === undefined ? null : Number(page);
}

/** Null until the server has told them. */
function useSizes({ id }: DocumentView, shelf: Shelf, near: boolean): readonly PagesOfASize[] | null {
  const [sizes, setSizes] = useState<readonly PagesOfASize[] | null>(null);
  useEffect(() => {
    if (near && sizes === null) void shelf.sizesOf(id).then(setSizes);
  }, [near]);
  return sizes;
}
