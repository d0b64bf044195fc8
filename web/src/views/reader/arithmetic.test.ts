import { describe, expect, test } from 'vitest';
import type { PagesOfASize } from '../../server/model';
import { GAP, Layout, pageOf, pictureWidth, type View, zoomStep, zoomWithin } from './arithmetic';

const FIT: View = { zoom: 1, together: false };
const FOOT = 40;

function layout(pages: number, sizes: readonly PagesOfASize[] = [], view = FIT, width = 700, opened = new Map<number, number>()): Layout {
  return new Layout(pages, sizes, view, { width, foot: FOOT, opened });
}

describe('the places of pages', () => {
  test('a page is as wide as the space, and the next one is below it', () => {
    const found = layout(3, [[2, 100, 200], [1, 200, 100]]);

    expect(found.place(0)).toEqual({ left: 0, top: 0, width: 700, height: 1400 });
    expect(found.place(1).top).toBe(1400 + FOOT + GAP);
    expect(found.place(2)).toEqual({ left: 0, top: 2 * (1400 + FOOT + GAP), width: 700, height: 350 });
    expect(found.height).toBe(found.place(2).top + 350 + FOOT);
  });

  test('a page without a size, and one that is told nothing of, is A4', () => {
    expect(layout(2).place(1).height).toBe(layout(2, [[2, 595, 841.5]]).place(1).height);
    expect(layout(1, [[1, 0, 0]]).place(0).height).toBe(990);
  });

  test('a page that is a line is not higher than twenty times its width', () => {
    expect(layout(1, [[1, 1, 9999]]).place(0).height).toBe(14_000);
    expect(layout(1, [[1, 9999, 1]]).place(0).height).toBe(35);
  });

  test('what the signer opens below a page moves the pages after it', () => {
    const [closed, opened] = [layout(5), layout(5, [], FIT, 700, new Map([[1, 300]]))];

    expect(opened.place(1).top).toBe(closed.place(1).top);
    expect(opened.place(2).top).toBe(closed.place(2).top + 300);
    expect(opened.height).toBe(closed.height + 300);
    expect(opened.at(opened.place(2).top - 1)).toBe(1);
  });

  test('every height belongs to the page that is there', () => {
    const found = layout(2000, [[1000, 595, 842], [500, 842, 595], [500, 595, 842]]);
    for (const page of [0, 1, 999, 1000, 1499, 1500, 1999]) {
      expect(found.at(found.place(page).top)).toBe(page);
      expect(found.at(found.place(page).top + found.place(page).height)).toBe(page);
    }
    expect(found.at(-5)).toBe(0);
    expect(found.at(1e9)).toBe(1999);
  });

  test('of 2000 pages those on the screen are few', () => {
    const found = layout(2000);
    const [first, last] = found.between(500_000, 502_700)!;

    expect(last - first).toBeLessThan(5);
    expect(found.between(-900, -1)).toBeNull();
    expect(found.between(found.height + 1, found.height + 900)).toBeNull();
    expect(layout(0).between(0, 900)).toBeNull();
  });

  test('a zoom makes pages wider and moves them apart', () => {
    expect(layout(2, [], { zoom: 2, together: false }).place(1)).toEqual({ left: 0, top: 1980 + FOOT + GAP, width: 1400, height: 1980 });
  });

  test('together, pages stand in rows of one height', () => {
    const found = layout(10, [[10, 200, 100]], { zoom: 2, together: true }, 466);
    const row = found.place(3).top;

    expect([0, 1, 2, 3].map((page) => found.place(page).left)).toEqual([0, 160, 320, 0]);
    expect(found.at(row)).toBe(3);
    expect(found.between(0, row)).toEqual([0, 5]);
    expect(found.between(0, 1e6)).toEqual([0, 9]);
    expect(found.height).toBe(4 * row - GAP);
    expect(layout(1, [], { zoom: 1, together: true }, 50).place(0).left).toBe(0);
  });
});

describe('the pictures', () => {
  test.each([
    [358, 3, 1200],
    [744, 1, 800],
    [744, 1.25, 1200],
    [744, 2, 1600],
    [744, 8, 2000],
    [144, 1, 200],
    [144, 2, 400],
  ])('a page that is %d wide with %d pixels to one has a picture of %d', (width, density, picture) => {
    expect(pictureWidth(width, density)).toBe(picture);
  });
});

describe('the zoom', () => {
  test('goes by steps, and from between two of them to the next', () => {
    expect([zoomStep(1, 1), zoomStep(1, -1), zoomStep(1.1, 1), zoomStep(1.1, -1)]).toEqual([1.25, 0.75, 1.25, 1]);
    expect([zoomStep(4, 1), zoomStep(0.5, -1)]).toEqual([4, 0.5]);
  });

  test('never makes the pages higher than browsers can count', () => {
    const long = layout(12_000);

    expect(zoomWithin(4, 1, layout(2000))).toBe(4);
    expect(zoomWithin(9, 1, layout(1))).toBe(4);
    expect(zoomWithin(0, 1, layout(1))).toBe(0.5);
    expect(long.height * zoomWithin(4, 1, long)).toBeLessThanOrEqual(15_000_000);
  });
});

test('a number of a page is brought within the document', () => {
  expect(['1', '7', ' 3 ', '0', '-4', '99', '2.9', 'x', ''].map((typed) => pageOf(typed, 7))).toEqual([0, 6, 2, 0, 0, 6, 1, null, null]);
});
