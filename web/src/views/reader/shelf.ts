/** What this page's session has of its documents' pages: asked for before the reader is there, kept while it comes and goes. */
import type { DocumentView, PagesOfASize } from '../../server/model';
import type { PageCalls } from '../../session/controller';
import { pictureWidth } from './arithmetic';
import { Pictures } from './pictures';

/** From this width on the reader stands beside the action (`styles/layout.css`): so many pixels are left for the rest. */
const WIDE = 1024;
const BESIDE = 456;
const WIDEST = 744;

export interface Shelf {
  readonly pictures: Pictures;
  /** The sizes of a document's pages; none when the server does not tell them. */
  readonly sizesOf: (documentId: string) => Promise<readonly PagesOfASize[]>;
}

const shelves = new WeakMap<PageCalls, Shelf>();

export function shelfOf(calls: PageCalls): Shelf {
  const made = shelves.get(calls);
  if (made !== undefined) return made;
  const sizes = new Map<string, Promise<readonly PagesOfASize[]>>();
  const shelf: Shelf = {
    pictures: new Pictures((id, page, width) => calls.preview(id, page, width)),
    sizesOf(id) {
      const coming = sizes.get(id) ?? calls.sizes(id).catch(() => []);
      sizes.set(id, coming);
      return coming;
    },
  };
  shelves.set(calls, shelf);
  return shelf;
}

/** Pixels of the screen to a CSS pixel, with the pinch that the browser itself does. */
export function density(): number {
  return devicePixelRatio * (globalThis.visualViewport?.scale ?? 1);
}

/** Ask for what a reader shows first before the signer opens it. Returns what takes the wish back. */
export function warm({ id, pages }: DocumentView, calls: PageCalls): () => void {
  const nothing = () => undefined; // when it does not come, the reader asks again and says why
  if (pages === 0) return nothing;
  const { pictures, sizesOf } = shelfOf(calls);
  void sizesOf(id);
  const width = Math.min(innerWidth >= WIDE ? innerWidth - BESIDE : innerWidth, WIDEST);
  return pictures.look(id, 0, pictureWidth(width, density()), nothing, nothing);
}
