import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Calm } from './calm';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

type Taker = object | null;

/** A tap on something inside `taker`; true when it came through. */
function tap(calm: Calm, taker: Taker, { pointerType = 'touch', detail = 1 } = {}): boolean {
  calm.touched({ pointerType, target: { closest: () => taker } } as unknown as PointerEvent);
  return ['mousedown', 'click'].every((type) => {
    const event = { type, detail, target: { closest: () => taker }, preventDefault: vi.fn(), stopPropagation: vi.fn() };
    calm.pressed(event as unknown as MouseEvent);
    return event.preventDefault.mock.calls.length === 0 && event.stopPropagation.mock.calls.length === 0;
  });
}

const [first, other] = [{}, {}];

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

/** A press on `pressed`, and the click on `clicked`, `moved` pixels further; what came of it. */
function press(pressed: Taker, clicked: Taker, { moved = 0, detail = 1 } = {}) {
  const calm = new Calm();
  const at = { clientX: 100, clientY: 100, pointerType: 'mouse', detail };
  calm.touched({ ...at, target: { closest: () => pressed } } as unknown as PointerEvent);
  const stopPropagation = vi.fn();
  const click = { ...at, type: 'click', clientY: 100 + moved, target: { closest: () => clicked }, preventDefault: vi.fn(), stopPropagation };
  calm.pressed(click as unknown as MouseEvent);
  return { elsewhere: stopPropagation.mock.calls.length === 0 };
}

test.each([
  ['nothing', null],
  ['another button', { click: vi.fn() }],
])('a button that moved while it was pressed takes the click, and not %s in its place', (_, there) => {
  const button = { click: vi.fn(), isConnected: true };
  expect(press(button, there)).toEqual({ elsewhere: false });
  expect(button.click).toHaveBeenCalledTimes(1);
  expect(there?.click.mock.calls ?? []).toEqual([]);
});

test.each([
  ['that the pointer has left', { moved: 40 }, true],
  ['when a key is used', { detail: 0 }, true],
  ['that is gone', {}, false],
])('a button %s takes no click', (_, how, isConnected) => {
  const button = { click: vi.fn(), isConnected };
  expect(press(button, null, how)).toEqual({ elsewhere: true });
  expect(button.click).not.toHaveBeenCalled();
});
