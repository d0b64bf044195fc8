/** Messages with named places, `{name}`, and plurals (Unicode CLDR) by `count`. */

export type Plural = { readonly zero?: string; readonly one?: string; readonly many?: string; readonly other: string };
export type Message = string | Plural;
export type Values = Readonly<Record<string, string | number>>;

const PLACE = /\{(\w+)\}/g;

/** `message` in `language` with `values` in their places; numbers are written as the language does. */
export function filled(message: Message, values: Values, language: string): string {
  const text = typeof message === 'string' ? message : chosen(message, Number(values.count), language);
  return text.replace(PLACE, (place, name: string) => {
    const value = values[name];
    if (value === undefined) return place;
    return typeof value === 'number' ? new Intl.NumberFormat(language).format(value) : value;
  });
}

function chosen(plural: Plural, count: number, language: string): string {
  // "1 document" is not said of none, also where the language counts 0 as one (Portuguese).
  if (count === 0) return plural.zero ?? plural.other;
  const category = new Intl.PluralRules(language).select(count);
  const found: Partial<Record<Intl.LDMLPluralRule, string>> = plural;
  return found[category] ?? plural.other;
}

/** How `other` differs from `model`: paths that are missing, in excess, or have other places. */
export function differences(model: unknown, other: unknown, path = ''): string[] {
  if (typeof model === 'string' || isPlural(model)) return placesOf(model) === placesOf(other) ? [] : [path];
  if (!isCatalogue(model) || !isCatalogue(other)) return [path];
  const keys = new Set([...Object.keys(model), ...Object.keys(other)]);
  return [...keys].flatMap((key) => differences(model[key], other[key], path === '' ? key : `${path}.${key}`));
}

/** Give `target` the content of `source`, down to its last part: each part remains the same object. */
export function become(target: object, source: object): void {
  const [into, from] = [target, source] as Record<string, unknown>[];
  for (const key of Object.keys(into!)) if (!(key in from!)) delete into![key];
  for (const [key, value] of Object.entries(from!)) {
    const part = into![key];
    if (isCatalogue(value) && isCatalogue(part)) become(part, value);
    else into![key] = value;
  }
}

function isCatalogue(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isPlural(value: unknown): value is Plural {
  return isCatalogue(value) && typeof value.other === 'string' && typeof value.one === 'string';
}

/** Places in any of the forms: "1 page" has none, "{count} pages" has one. Empty for what is no message. */
function placesOf(value: unknown): string {
  if (typeof value === 'string') return `text ${[...new Set(value.match(PLACE) ?? [])].sort().join()}`;
  if (!isPlural(value)) return '';
  return `plural ${[...new Set(Object.values(value).join().match(PLACE) ?? [])].sort().join()}`;
}
