import type { VNode } from 'preact';

const PATHS = {
  open: 'M12 4v11m0 0-4-4m4 4 4-4M5 20h14',
  remove: 'M6 6l12 12M18 6 6 18',
  again: 'M19 12a7 7 0 1 1-2-5m2-3v4h-4',
};

/** A picture on a button that has its name in words. */
export function Icon({ name }: { readonly name: keyof typeof PATHS }): VNode {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
