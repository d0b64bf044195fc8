import { expect, test } from 'vitest';
import { warningFor } from './time';

test.each([
  [3_600_000, null],
  [600_000, null],
  [599_999, 10],
  [300_000, 10],
  [299_999, 5],
  [119_999, 2],
  [59_999, 1],
  [-1, 1],
])('with %i milliseconds left it says %s', (milliseconds, minutes) => {
  expect(warningFor(milliseconds)).toBe(minutes);
});
