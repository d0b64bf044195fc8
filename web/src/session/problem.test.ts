import { afterEach, describe, expect, test, vi } from 'vitest';
import { DerError } from '../bytes/der';
import { WrongDocument } from '../digest/wrong-document';
import { KeyError } from '../keysource/keysource';
import { ApiError } from '../server/api';
import { passing, problemOf } from './problem';

afterEach(() => vi.restoreAllMocks());

describe('every error becomes something to say', () => {
  test.each([
    [new ApiError('InvalidPdf', 'damaged', 'no trailer'), { code: 'InvalidPdf', message: 'damaged no trailer' }],
    [new ApiError('FileRejected', 'no', 'Too old.'), { code: 'FileRejected', message: 'no Too old.', reason: 'Too old.' }],
    [new ApiError('FileRejected', 'no', null), { code: 'FileRejected', message: 'no' }],
    [new KeyError('wrong-secret'), { code: 'key-wrong-secret', message: 'wrong-secret' }],
    [new WrongDocument('d'), { code: 'WrongDocument', message: '' }],
    [new DerError('bytes end early'), { code: 'WrongDocument', message: '' }],
    [new DOMException('gone', 'NotReadableError'), { code: 'FileNotReadable', message: 'gone' }],
    [new DOMException('gone', 'NotFoundError'), { code: 'FileNotReadable', message: 'gone' }],
  ])('%s', (error, problem) => {
    expect(problemOf(error)).toEqual(problem);
  });

  test('also one that nobody foresaw, which the console keeps', () => {
    const console = vi.spyOn(globalThis.console, 'error').mockImplementation(() => {});
    const error = new TypeError('x is not a function');
    expect(problemOf(error)).toEqual({ code: 'PageError', message: 'TypeError: x is not a function' });
    expect(console).toHaveBeenCalledWith(error);
  });
});

test.each([
  ['Network', true],
  ['InternalError', true],
  ['TooManyRequests', true],
  ['StorageUnavailable', true],
  ['DamagedOnTheWay', true],
  ['key-not-loaded', true],
  ['InvalidPdf', false],
  ['BadSignatureSessionToken', false],
])('%s may pass by itself: %s', (code, expected) => {
  expect(passing({ code })).toBe(expected);
});
