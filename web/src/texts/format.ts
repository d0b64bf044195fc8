/** Numbers, dates and sentences as the language writes them. */
import type { Problem } from '../session/problem';
import { locale, texts } from './catalogue';
import { filled, type Message, type Values } from './message';

export { language, languages, locale, speak, texts } from './catalogue';

const MOMENT = { year: 'numeric', month: 'long', day: 'numeric', hour: 'numeric', minute: 'numeric', timeZoneName: 'short' } as const;
const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;

export function fill(message: Message, values: Values): string {
  return filled(message, values, locale());
}

/** 1536 -> "1.5 kB". */
export function size(bytes: number): string {
  const power = Math.min(Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1024)), UNITS.length - 1);
  const unit = UNITS[power] ?? 'byte';
  const options = { style: 'unit', unit, unitDisplay: power === 0 ? 'long' : 'short', maximumFractionDigits: power > 1 ? 1 : 0 } as const;
  return new Intl.NumberFormat(locale(), options).format(bytes / 1024 ** power);
}

/** What a file is like, for its row: pages only where there are any. */
export function factsOf({ length, pages }: { readonly length: number; readonly pages: number }): string[] {
  return pages > 0 ? [size(length), fill(texts.documents.pages, { count: pages })] : [size(length)];
}

export function date(day: Date): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'long' }).format(day);
}

/** Day and time of day, with the zone: it is said of a signature. */
export function moment(when: Date): string {
  return new Intl.DateTimeFormat(locale(), MOMENT).format(when);
}

/** The time of day. */
export function time(moment: Date): string {
  return new Intl.DateTimeFormat(locale(), { timeStyle: 'short' }).format(moment);
}

/** The sentence for a code. */
export function sentence({ code, message, reason }: Problem): string {
  if (reason !== undefined) return fill(texts.problem.rejected, { reason });
  const sentences: Readonly<Record<string, string>> = texts.problems;
  const known = Object.hasOwn(sentences, code) ? sentences[code] : undefined;
  return known ?? fill(texts.problem.unknown, { message: message || code });
}
