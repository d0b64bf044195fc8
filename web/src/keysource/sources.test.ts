import { expect, test } from 'vitest';
import type { Availability } from './keysource';
import { dead } from './sources';

const usable: Availability = { usable: true };
const lost: Availability = { usable: false, reason: 'not-loaded' };
const mobile: Availability = { usable: false, reason: 'mobile' };

test.each([
  ['while one has not answered', { pfx: lost }, null],
  ['where one can be used', { pfx: usable, 'web-eid': mobile }, null],
  ['where each says what it needs', { pfx: mobile, 'web-eid': mobile }, 'none'],
  ['where one says it and one did not load', { pfx: lost, 'web-eid': mobile }, 'none'],
  ['where none was loaded, which is no fault of the device', { pfx: lost, 'web-eid': lost }, 'not-loaded'],
])('what the ways to sign come to, %s', (_, answers, expected) => {
  expect(dead(['pfx', 'web-eid'], answers)).toBe(expected);
});

test('where no way is offered there is none', () => {
  expect(dead([], {})).toBe('none');
});
