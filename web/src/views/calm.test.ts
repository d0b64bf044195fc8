import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Calm } from './calm';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

type Taker = object | null;

/** A button, 44 pixels high, at `top`. */
function button(top = 100) {
  return { top, click: vi.fn(), getBoundingClientRect() { return { left: 0, top: this.top }; } };
}

/** What is on the page, the first above the others: at a point is the first button there. */
function page(...buttons: ReturnType<typeof button>[]) {
  const at = (y: number) => buttons.find(({ top }) => y >= top && y < top + 44) ?? null;
  vi.stubGlobal('document', { elementFromPoint: (_: number, y: number) => ({ closest: () => at(y) }) });
  return at;
}

/** A tap on something inside `taker`; true when it came through. */
function tap(calm: Calm, taker: Taker, { pointerType = 'touch', detail = 1 } = {}): boolean {
  calm.touched({ type: 'pointerdown', button: 0, pointerType, target: { closest: () => taker } } as unknown as PointerEvent);
  return ['mousedown', 'click'].every((type) => {
    const event = { type, detail, target: { closest: () => taker }, preventDefault: vi.fn(), stopPropagation: vi.fn() };
    calm.pressed(event as unknown as MouseEvent);
    return event.preventDefault.mock.calls.length === 0 && event.stopPropagation.mock.calls.length === 0;
  });
}

const [first, other] = [button(), button()];

test.each([
  ['a finger', 1, 'touch'],
  ['a mouse', 2, 'mouse'],
])('the second of two quick taps of %s removes no other row, and answers no question', (_, detail, pointerType) => {
  const calm = new Calm();
  expect(tap(calm, first, { pointerType })).toBe(true);
  vi.advanceTimersByTime(200);
  expect(tap(calm, other, { pointerType, detail })).toBe(false);
  expect(tap(calm, other, { pointerType, detail })).toBe(false);
  vi.advanceTimersByTime(250);
  expect(tap(calm, other, { pointerType, detail })).toBe(true);
});

test('the same button takes both', () => {
  const calm = new Calm();
  expect(tap(calm, first)).toBe(true);
  expect(tap(calm, first)).toBe(true);
});

test.each([
  ['a mouse that is quick somewhere else', { pointerType: 'mouse' }],
  ['a keyboard', { detail: 0 }],
])('%s is not held up', (_, how) => {
  const calm = new Calm();
  expect(tap(calm, first)).toBe(true);
  expect(tap(calm, other, how)).toBe(true);
});

test('what was no button takes nothing away from the next', () => {
  const calm = new Calm();
  expect(tap(calm, null)).toBe(true);
  expect(tap(calm, other)).toBe(true);
});

test('nothing takes the second tap on what a step has brought', () => {
  const calm = new Calm();
  tap(calm, first);
  calm.stepped();
  expect(tap(calm, first)).toBe(false);
  vi.advanceTimersByTime(401);
  expect(tap(calm, first)).toBe(true);
});

type Change = () => readonly ReturnType<typeof button>[];

/** A pointer that goes down at `from`, and up at `to` once `change` is made: true when the click came to what is there. */
function press(before: ReturnType<Change>, { from = 120, to = from, change = () => before, ...how }: {
  from?: number; to?: number; change?: Change; button?: number; detail?: number; cancelled?: boolean; pointerType?: string;
}) {
  const calm = new Calm();
  const event = { clientX: 5, clientY: from, pointerType: how.pointerType ?? 'touch', button: how.button ?? 0 };
  const pressed = page(...before)(from);
  calm.touched({ ...event, type: 'pointerdown', target: { closest: () => pressed } } as unknown as PointerEvent);
  if (how.cancelled) calm.touched({ ...event, type: 'pointercancel' } as unknown as PointerEvent);
  const there = page(...change())(to);
  const preventDefault = vi.fn();
  const click = { ...event, type: 'click', detail: how.detail ?? 1, clientY: to, target: { closest: () => there } };
  calm.pressed({ ...click, preventDefault, stopPropagation: vi.fn() } as unknown as MouseEvent);
  return preventDefault.mock.calls.length === 0;
}

test.each([
  ['nothing', 120],
  ['another button', 144],
])('a button that moved while it was pressed takes the click, and not %s in its place', (_, from) => {
  const [top, below] = [button(100), button(144)];
  const change = () => {
    top.top -= 60;
    below.top -= 60;
    return [top, below];
  };
  const pressed = from === 120 ? top : below;
  press([top, below], { from: from + 10, change });
  expect([top, below].filter(({ click }) => click.mock.calls.length > 0)).toEqual([pressed]);
});

test('a button takes the click of a pointer that went far, and stayed on it', () => {
  const one = button(100);
  const change = () => {
    one.top = 160;
    return [one];
  };
  press([one], { from: 104, to: 140, change });
  expect(one.click).toHaveBeenCalledTimes(1);
});

test.each([
  ['was slid off to nothing', { from: 104, to: 96 }],
  ['was slid off to another', { from: 140, to: 148 }],
  ['was slid off, and moved', { from: 104, to: 96, moved: 10 }],
  ['is gone, and nothing came', { gone: true }],
  ['is gone, and another came in its place', { gone: true, moved: -44 }],
  ['moved behind another', { moved: 100, over: true }],
  ['was pressed with another button of the mouse', { button: 2, moved: 60, pointerType: 'mouse' }],
  ['was where a scroll began', { cancelled: true, moved: -60 }],
  ['moved while a key is used', { detail: 0, moved: 60 }],
])('a button that %s takes no click', (_, { moved = 0, gone = false, over = false, ...how }: {
  moved?: number; gone?: boolean; over?: boolean; from?: number; to?: number; button?: number; detail?: number;
}) => {
  const [pressed, below, above] = [button(100), button(144), button(200)];
  const change = () => {
    pressed.top += moved;
    below.top += moved;
    return [...(over ? [above] : []), ...(gone ? [] : [pressed]), below];
  };
  press([pressed, below], { ...how, change });
  expect(pressed.click).not.toHaveBeenCalled();
  expect(below.click).not.toHaveBeenCalled();
});

test.each([
  ['is gone, and another came in its place', { gone: true }],
  ['was left for another', { to: 160 }],
])('what %s has been pressed for nothing', (_, { gone = false, ...how }: { gone?: boolean; to?: number }) => {
  const [pressed, other] = [button(100), button(144)];
  const change = () => {
    if (gone) other.top = 100;
    return gone ? [other] : [pressed, other];
  };
  expect(press([pressed, other], { ...how, change })).toBe(false);
});

test('of a press beside all buttons nothing takes the click that came under it', () => {
  const other = button(144);
  const change = () => {
    other.top = 100;
    return [other];
  };
  expect(press([other], { change })).toBe(false);
});

test('a finger beside a small button is helped by the browser', () => {
  expect(press([button(100)], { from: 97, to: 101 })).toBe(true);
});

test('two quick taps on a button that moves are both for it', () => {
  const [calm, one, other] = [new Calm(), button(100), button(144)];
  expect(tap(calm, one)).toBe(true);
  page(other, one);
  calm.touched({ type: 'pointerdown', button: 0, pointerType: 'touch', clientX: 5, clientY: 120, target: { closest: () => one } } as unknown as PointerEvent);
  [one.top, other.top] = [144, 100];
  const target = { closest: () => other };
  calm.pressed({ type: 'click', detail: 1, clientX: 5, clientY: 120, target, preventDefault() {}, stopPropagation() {} } as unknown as MouseEvent);
  expect(one.click).toHaveBeenCalledTimes(1);
  expect(other.click).not.toHaveBeenCalled();
});
