/**
 * The second of two quick taps is not for what the first has brought: another button, or a link, has come to its place.
 * For a moment after each step nothing takes it, and after each click nothing but what took the first: a row may have gone
 * meanwhile, or a question come. A mouse says itself that it is the second; a finger does not everywhere.
 */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

const CALM_MS = 400;

/** What takes a click, whatever is inside it. */
const TAKERS = 'button, a, label, summary';

export class Calm {
  private since = -Infinity;
  private finger = false;
  private clicked = -Infinity;
  private taker: Element | null = null;

  /** Another step is shown. */
  stepped(): void {
    this.since = performance.now();
  }

  readonly touched = ({ pointerType }: PointerEvent): void => {
    this.finger = pointerType !== 'mouse';
  };

  /** Of `mousedown`, which would take the focus from the heading, and `click`. */
  readonly pressed = (event: MouseEvent): void => {
    const now = performance.now();
    const taker = (event.target as Element).closest?.(TAKERS) ?? null;
    // A click without a pointer (`detail` 0) is the keyboard's, or a screen reader's.
    const second = event.detail > 1 || (this.finger && event.detail > 0);
    const elsewhere = this.taker !== null && taker !== this.taker && now - this.clicked <= CALM_MS;
    if (second && (elsewhere || now - this.since <= CALM_MS)) {
      event.preventDefault();
      event.stopPropagation();
    } else if (event.type === 'click') {
      this.clicked = now;
      this.taker = taker;
    }
  };
}

/** `shown` says what is shown; it is another one after each step. */
export function useCalm(shown: string): void {
  const calm = useRef<Calm>(null);
  calm.current ??= new Calm();
  useLayoutEffect(() => calm.current!.stepped(), [shown]);
  useEffect(() => {
    const { touched, pressed } = calm.current!;
    addEventListener('pointerdown', touched, true);
    addEventListener('mousedown', pressed, true);
    addEventListener('click', pressed, true);
    return () => {
      removeEventListener('pointerdown', touched, true);
      removeEventListener('mousedown', pressed, true);
      removeEventListener('click', pressed, true);
    };
  }, []);
}
