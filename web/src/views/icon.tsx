import type { VNode } from 'preact';

/** One set: lines of two units on a grid of 24, in the colour of the text beside them. */
const PATHS = {
  open: 'M12 4v11m0 0-4-4m4 4 4-4M5 20h14',
  remove: 'M6 6l12 12M18 6 6 18',
  again: 'M19 12a7 7 0 1 1-2-5m2-3v4h-4',
  file: 'M14 3H6v18h12V7zm0 0v4h4M9 12h6m-6 4h6',
  out: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM5.6 5.6l12.8 12.8',
  done: 'M5 13l4.5 4.5L19 7',
  sign: 'M4 18c3-7 5-11 7-10s-2 8-.5 8 3-4 4.5-4 .8 3 3 3H20M4 21h16',
  back: 'M19 12H5m6-6-6 6 6 6',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 4v5l3 3',
  warning: 'M12 4 2.5 20h19zm0 6v4m0 3v.01',
};

export type IconName = keyof typeof PATHS;

/** A picture beside words, or on a button that has its name in words. */
export function Icon({ name }: { readonly name: IconName }): VNode {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
