/** The documents as the signer reads them before signing: one part of the page, loaded while the first view is looked at. */
import type { VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { DocumentView } from '../../server/model';
import type { Controller } from '../../session/controller';
import type { Problem } from '../../session/problem';
import { factsOf, fill, texts } from '../../texts/format';
import { Findings } from '../findings';
import { Said } from '../parts';
import type { View } from './arithmetic';
import { zoomStep, zoomWithin } from './arithmetic';
import { Bar } from './bar';
import { Pages, type Shown } from './pages';
import { type Found, useSearch } from './search';
import { density, shelfOf, warm } from './shelf';

export { warm } from './shelf';

const t = texts.review;
/** Part of the screen above the page that counts as the one that is read. */
const READ_AT = 0.35;
/** Where a place that was searched for goes. */
const FOUND_AT = 0.3;
/** How much a turn of the wheel zooms. */
const WHEEL = 0.004;
const PINCHED_MS = 200;

interface ReaderProps {
  readonly documents: readonly DocumentView[];
  readonly controller: Controller;
}

/** Where the signer is: a page, and how far down it, at so many pixels from the top of the screen. */
interface Anchor {
  readonly id: string;
  readonly page: number;
  readonly part: number;
  readonly y: number;
}

export function Reader({ documents, controller }: ReaderProps): VNode {
  const root = useRef<HTMLDivElement>(null);
  const shown = useRef(new Map<string, Shown>()).current;
  const moves = useRef(new Set<() => void>()).current;
  const scrolled = useRef(-Infinity);
  const anchor = useRef<Anchor | null>(null);
  const [view, setView] = useState<View>({ zoom: 1, together: false });
  const [at, setAt] = useState({ id: '', page: 0 });
  const fine = useDensity();
  const search = useSearch(documents, controller, (found) => showFound(found));
  const paged = documents.filter(({ pages }) => pages > 0);
  const read = paged.find(({ id }) => id === at.id) ?? paged[0];

  useLayoutEffect(() => {
    const first = documents[0];
    return first && warm(first, controller.pages);
  }, []);

  useEffect(() => {
    let frame = 0;
    const move = () => {
      frame = 0;
      for (const each of moves) each();
      const now = anchorAt(innerHeight * READ_AT);
      if (now !== null) setAt((before) => (before.id === now.id && before.page === now.page ? before : { id: now.id, page: now.page }));
    };
    const soon = () => {
      scrolled.current = performance.now();
      frame ||= requestAnimationFrame(move);
    };
    addEventListener('scroll', soon, { passive: true });
    addEventListener('resize', soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener('scroll', soon);
      removeEventListener('resize', soon);
    };
  }, []);

  // What the signer looks at stays where it is when the zoom changes.
  useLayoutEffect(() => {
    const { current } = anchor;
    const pages = current === null ? undefined : shown.get(current.id);
    anchor.current = null;
    if (current === null || pages === undefined) return;
    const { top, height } = pages.layout.place(current.page);
    scrollBy(0, pages.list.getBoundingClientRect().top + top + current.part * height - current.y);
  }, [view]);

  /** The page at a height of the screen, or the nearest one above it. */
  function anchorAt(y: number): Anchor | null {
    let nearest: Anchor | null = null;
    for (const { id } of documents) {
      const pages = shown.get(id);
      if (pages === undefined) continue;
      const { top } = pages.list.getBoundingClientRect();
      if (nearest !== null && top > y) break;
      const page = pages.layout.at(y - top);
      const place = pages.layout.place(page);
      nearest = { id, page, part: (y - top - place.top) / place.height, y };
    }
    return nearest;
  }

  function change(next: View, y = innerHeight * READ_AT): void {
    anchor.current = anchorAt(y);
    const from = anchor.current === null ? undefined : shown.get(anchor.current.id);
    if (from === undefined) return;
    const zoom = view.together || next.together ? next.zoom : zoomWithin(next.zoom, view.zoom, from.layout);
    if (zoom !== view.zoom || next.together !== view.together) setView({ ...next, zoom });
  }

  function goTo(id: string, page: number, part = 0, y = barHeight(root.current)): void {
    const pages = shown.get(id);
    if (pages === undefined) return;
    const { top, height } = pages.layout.place(page);
    scrollBy(0, pages.list.getBoundingClientRect().top + top + part * height - y);
  }

  function showFound({ documentId, page, areas }: Found): void {
    goTo(documentId, page, areas[0]?.[1] ?? 0, innerHeight * FOUND_AT);
  }

  function pick(id: string, page: number): void {
    setView({ ...view, together: false });
    anchor.current = { id, page, part: 0, y: barHeight(root.current) };
  }

  useWheel(root, (turn, y) => change({ ...view, zoom: view.zoom * Math.exp(-turn * WHEEL) }, y), view);

  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return;
    const zoom = { '+': zoomStep(view.zoom, 1), '-': zoomStep(view.zoom, -1), '0': 1 }[event.key];
    if (zoom === undefined || view.together) return;
    event.preventDefault();
    change({ ...view, zoom });
  }

  const found = search.state.found;
  return (
    <div class="reader" ref={root} onKeyDown={onKey}>
      {read !== undefined && (
        <Bar
          view={view}
          onZoom={(zoom) => change({ ...view, zoom })}
          onTogether={() => change({ ...view, together: !view.together })}
          name={read.name}
          page={read.id === at.id ? at.page : 0}
          pages={read.pages}
          single={paged.length === 1 && read.pages === 1}
          onPage={(page) => goTo(read.id, page)}
          search={search}
        />
      )}
      {documents.map((document, index) => (
        <article key={document.id} id={document.id} tabIndex={-1} aria-label={document.name}>
          <About document={document} place={documents.length > 1 ? fill(t.place, { number: index + 1, total: documents.length }) : null} controller={controller} />
          {document.pages > 0 && (
            <Pages
              document={document}
              controller={controller}
              shelf={shelfOf(controller.pages)}
              view={view}
              density={fine}
              hits={found.filter(({ documentId }) => documentId === document.id)}
              hit={found[search.state.at] ?? null}
              current={read?.id !== document.id ? null : read.id === at.id ? at.page : 0}
              onPick={(page) => pick(document.id, page)}
              shown={shown}
              moves={moves}
              scrolled={scrolled}
            />
          )}
        </article>
      ))}
    </div>
  );
}

/** What is above the pages of a document. */
function About({
  document,
  place,
  controller,
}: {
  readonly document: DocumentView;
  /** Among the documents; null where it is the only one. */
  readonly place: string | null;
  readonly controller: Controller;
}): VNode {
  const [problem, say] = useState<Problem | null>(null);
  return (
    <div class="about">
      {place !== null && <p class="facts place">{place}</p>}
      <h2 class="name">{document.name}</h2>
      <p class="facts">{factsOf(document).join(' · ')}</p>
      <Findings findings={document.findings} />
      {document.pages === 0 && <p class="blank">{t.none}</p>}
      <button type="button" class="plain" onClick={() => void controller.show(document).then(say)}>
        {t.original}
        <span class="unseen">{` ${document.name}`}</span>
      </button>
      <Said problem={problem} />
      <details>
        <summary>{texts.certificates.details}</summary>
        <dl>
          <div>
            <dt>{texts.certificates.thumbprint}</dt>
            <dd class="digest">{document.sha256}</dd>
          </div>
        </dl>
      </details>
    </div>
  );
}

/** Pixels at the top of the screen that the bar covers. */
function barHeight(root: HTMLElement | null): number {
  const bar = root?.querySelector<HTMLElement>('.reading');
  return bar && getComputedStyle(bar).position === 'sticky' ? bar.offsetHeight + 8 : 8;
}

/** How fine the pictures should be. It follows a pinch when that has ended. */
function useDensity(): number {
  const [fine, setFine] = useState(density);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const changed = () => {
      clearTimeout(timer);
      timer = setTimeout(() => setFine(density()), PINCHED_MS);
    };
    visualViewport?.addEventListener('resize', changed);
    return () => {
      clearTimeout(timer);
      visualViewport?.removeEventListener('resize', changed);
    };
  }, []);
  return fine;
}

/** Ctrl and the wheel, which is also what a pinch on a touchpad is. */
function useWheel(root: { readonly current: HTMLElement | null }, zoom: (turn: number, y: number) => void, view: View): void {
  useEffect(() => {
    const element = root.current;
    const turned = (event: WheelEvent) => {
      if (!event.ctrlKey || view.together) return;
      event.preventDefault(); // the browser would zoom the whole page
      zoom(event.deltaMode === 0 ? event.deltaY : event.deltaY * 40, event.clientY);
    };
    element?.addEventListener('wheel', turned, { passive: false });
    return () => element?.removeEventListener('wheel', turned);
  }, [view]);
}
