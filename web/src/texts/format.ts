/** Numbers and dates as the language writes them. */
import type { Problem } from '../session/problem';
import { en, type Texts } from './en';

export const texts: Texts = en;

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;

/** 1536 -> "1.5 kB". */
export function size(bytes: number): string {
  const power = Math.min(Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1024)), UNITS.length - 1);
  const unit = UNITS[power] ?? 'byte';
  const options = { style: 'unit', unit, unitDisplay: power === 0 ? 'long' : 'short', maximumFractionDigits: power > 1 ? 1 : 0 } as const;
  return new Intl.NumberFormat(texts.language, options).format(bytes / 1024 ** power);
}

/** What a file is like, for its row: pages only where there are any. */
export function factsOf({ length, pages }: { readonly length: number; readonly pages: number }): string[] {
  return pages > 0 ? [size(length), texts.documents.pages(pages)] : [size(length)];
}

export function date(day: Date): string {
  return new Intl.DateTimeFormat(texts.language, { dateStyle: 'long' }).format(day);
}

/** The sentence for a code. */
export function sentence({ code, message, reason }: Problem): string {
  if (reason !== undefined) return texts.problem.rejected(reason);
  const sentences: Readonly<Record<string, string>> = texts.problems;
  return sentences[code] ?? texts.problem.unknown(message || code);
}
