/** What went wrong, as a code that the catalogue has a sentence for. */
import { DerError } from '../bytes/der';
import { WrongDocument } from '../digest/wrong-document';
import { KeyError } from '../keysource/keysource';
import { ApiError } from '../server/api';

/** A code of the server, of a key source or of the page, with the server's own words as a last resort. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  /** The application's own reason, as plain text. */
  readonly reason?: string;
}

/** True when trying the same again may help. */
export function passing({ code }: { readonly code: string }): boolean {
  return PASSING.includes(code) || code.endsWith('Unavailable');
}

const PASSING = ['Network', 'InternalError', 'TooManyRequests', 'RequestTimeout', 'RequestInProgress', 'DamagedOnTheWay', 'key-not-loaded'];

/** What the server says of one document. */
export function problemOfDocument(code: string, detail: string | null): Problem {
  return { code, message: [code, detail].join(' ').trim() };
}

/** Never throws: an error that nobody foresaw is shown too, or the page would wait for ever. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) {
    const problem = { code: error.code, message: [error.message, error.detail].join(' ').trim() };
    return error.code === 'FileRejected' && error.detail !== null ? { ...problem, reason: error.detail } : problem;
  }
  if (error instanceof KeyError) return { code: `key-${error.code}`, message: error.code };
  if (error instanceof WrongDocument || error instanceof DerError) return { code: 'WrongDocument', message: '' };
  // File API, 6.1: the file was moved or changed after it was chosen, or it is a folder.
  if (error instanceof DOMException && ['NotReadableError', 'NotFoundError'].includes(error.name)) {
    return { code: 'FileNotReadable', message: error.message };
  }
  console.error(error);
  return { code: 'PageError', message: String(error) };
}
