/**
 * The second of two quick taps is not for what the first has brought: another button, or a link, has come to its place.
 * For a moment after each step nothing takes it. A mouse says itself that it is the second; a finger does not everywhere.
 */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

const CALM_MS = 400;

/** `shown` says what is shown; it is another one after each step. */
export function useCalm(shown: string): void {
  const since = useRef(-Infinity);
  useLayoutEffect(() => {
    since.current = performance.now();
  }, [shown]);
  useEffect(() => {
    let finger = false;
    const touched = ({ pointerType }: PointerEvent) => (finger = pointerType !== 'mouse');
    const clicked = (event: MouseEvent) => {
      // A click without a pointer (`detail` 0) is the keyboard's, or a screen reader's.
      const second = event.detail > 1 || (finger && event.detail > 0);
      if (!second || performance.now() - since.current > CALM_MS) return;
      event.preventDefault();
      event.stopPropagation();
    };
    addEventListener('pointerdown', touched, true);
    addEventListener('mousedown', clicked, true); // it would take the focus from the heading
    addEventListener('click', clicked, true);
    return () => {
      removeEventListener('pointerdown', touched, true);
      removeEventListener('mousedown', clicked, true);
      removeEventListener('click', clicked, true);
    };
  }, []);
}
