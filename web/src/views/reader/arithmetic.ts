/**
 * Where the pages of a document go, and how fine their pictures are: numbers in, numbers out.
 *
 * Lengths are CSS pixels, pages count from 0. Only the pages near the screen are in the document tree, however many there
 * are: so the place of each is computed, from the sizes that the server tells in one answer.
 */
import type { PagesOfASize } from '../../server/model';

/** Widths of pictures, in pixels of the screen. The server draws no others (`service/documents/preview_document.py`). */
const WIDTHS = [200, 400, 800, 1200, 1600, 2000] as const;
/** A picture may be so much coarser than the screen before the next one is fetched. */
const COARSE = 0.9;
const STEPS = [0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4] as const;
/** Browsers lose count of higher elements. */
const HIGHEST = 15_000_000;
/** A4; also what a page without a size gets. */
const RATIO = 297 / 210;
const FLATTEST = 1 / 20;
/** Between pages. */
export const GAP = 16;
/** The least width of a page, and the height of its number, where all pages are looked at together. */
const SMALL = 132;
const NUMBER = 24;

export interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** How the pages are looked at: one below the other at a zoom (1 fits the width), or all together, small. */
export interface View {
  readonly zoom: number;
  readonly together: boolean;
}

export interface Room {
  /** Of the space for the pages. */
  readonly width: number;
  /** Below each page, for what belongs to it. */
  readonly foot: number;
  /** Page -> what is below that page beyond `foot`, since the signer has opened it. */
  readonly opened: ReadonlyMap<number, number>;
}

interface Run {
  readonly first: number;
  readonly top: number;
  /** Of a page, without what is below it. */
  readonly height: number;
}

/** The places of all pages of a document. */
export class Layout {
  readonly pages: number;
  readonly height: number;
  readonly width: number;
  private readonly runs: readonly Run[];
  private readonly columns: number;

  /** `sizes` may be empty: then all pages count as A4. */
  constructor(
    pages: number,
    sizes: readonly PagesOfASize[],
    private readonly view: View,
    private readonly room: Room,
  ) {
    this.pages = pages;
    this.columns = view.together ? Math.max(1, Math.floor((room.width + GAP) / (SMALL + GAP))) : 1;
    const small = Math.floor((room.width + GAP) / this.columns) - GAP;
    this.width = view.together ? Math.max(0, small) : room.width * view.zoom;
    const told: readonly PagesOfASize[] = sizes.length > 0 ? sizes : [[pages, 0, 0]];
    this.runs = view.together ? [{ first: 0, top: 0, height: Math.round(this.width * RATIO) }] : this.runsOf(told);
    this.height = pages === 0 ? 0 : this.topOf(pages) - GAP;
  }

  place(page: number): Place {
    const beside = Math.max(0, (this.room.width - this.width) / 2);
    const left = this.view.together ? (page % this.columns) * (this.width + GAP) : beside;
    return { left, top: this.topOf(page), width: this.width, height: this.runOf(page).height };
  }

  /** The page at so many pixels from the top, its distance to the next one included. */
  at(y: number): number {
    let [low, high] = [0, Math.ceil(this.pages / this.columns) - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.topOf(middle * this.columns) <= y) low = middle;
      else high = middle - 1;
    }
    return low * this.columns;
  }

  /** The first and the last page between two heights; null when there is none. */
  between(from: number, to: number): readonly [number, number] | null {
    if (to < 0 || from > this.height || this.pages === 0) return null;
    return [this.at(from), Math.min(this.at(to) + this.columns, this.pages) - 1];
  }

  private topOf(page: number): number {
    const run = this.runOf(page);
    if (this.view.together) {
      // The end of all pages is below the last row, also where that is not full.
      const row = page === this.pages ? Math.ceil(page / this.columns) : Math.floor(page / this.columns);
      return row * this.stride(run.height);
    }
    let opened = 0;
    for (const [above, height] of this.room.opened) if (above < page) opened += height;
    return run.top + (page - run.first) * this.stride(run.height) + opened;
  }

  private stride(height: number): number {
    return height + (this.view.together ? NUMBER : this.room.foot) + GAP;
  }

  private runOf(page: number): Run {
    let [low, high] = [0, this.runs.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.runs[middle]!.first <= page) low = middle;
      else high = middle - 1;
    }
    return this.runs[low]!;
  }

  private runsOf(sizes: readonly PagesOfASize[]): Run[] {
    const runs: Run[] = [];
    let [first, top] = [0, 0];
    for (const [count, width, height] of sizes) {
      const tall = Math.round(this.width * ratioOf(width, height));
      runs.push({ first, top, height: tall });
      first += count;
      top += count * this.stride(tall);
    }
    return runs;
  }
}

function ratioOf(width: number, height: number): number {
  return width > 0 && height > 0 ? Math.min(Math.max(height / width, FLATTEST), 1 / FLATTEST) : RATIO;
}

/** The width of the picture for a page that is `width` wide on a screen with `density` pixels to a CSS pixel. */
export function pictureWidth(width: number, density: number): number {
  return WIDTHS.find((one) => one >= width * density * COARSE) ?? WIDTHS[WIDTHS.length - 1]!;
}

/** The next larger (`direction` 1) or smaller (-1) step of the zoom. */
export function zoomStep(zoom: number, direction: 1 | -1): number {
  const further = STEPS.filter((step) => (step - zoom) * direction > 0.01);
  return (direction > 0 ? further[0] : further[further.length - 1]) ?? zoom;
}

/** A zoom that is none of the steps, from a wheel, within what `layout` (of the zoom `from`) can take. */
export function zoomWithin(wanted: number, from: number, layout: Layout): number {
  const highest = (from * HIGHEST) / Math.max(layout.height, 1);
  const most = Math.max(1, Math.min(STEPS[STEPS.length - 1]!, highest));
  return Math.min(Math.max(wanted, STEPS[0]), most);
}

/** A number of a page that somebody has typed, from 1; null when it is none. */
export function pageOf(typed: string, pages: number): number | null {
  const number = Number.parseInt(typed, 10);
  return Number.isFinite(number) ? Math.min(Math.max(number, 1), pages) - 1 : null;
}
