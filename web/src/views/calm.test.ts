import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Calm } from './calm';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

type Taker = object | null;

/** A tap on something inside `taker`; true when it came through. */
function tap(calm: Calm, taker: Taker, { pointerType = 'touch', detail = 1 } = {}): boolean {
  calm.touched({ pointerType } as PointerEvent);
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
