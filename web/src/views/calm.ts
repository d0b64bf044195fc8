/**
 * What a click is for.
 *
 * The second of two quick taps is not for what the first has brought: another button, or a link, has come to its place.
 * For a moment after each step nothing takes it, and after each click nothing but what took the first: a row may have gone
 * meanwhile, or a question come. A mouse says itself that it is the second; a finger does not everywhere.
 *
 * What was pressed takes the click, also when it has moved before it was let go: the page may have been laid out anew
 * meanwhile. Browsers give such a click to what is there then, or to what is around both.
 */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

const CALM_MS = 400;

/** Pixels: a pointer that went further was meant to leave what it had pressed. */
const STILL = 10;

/** What takes a click, whatever is inside it. */
const TAKERS = 'button, a, label, summary';

const takerOf = ({ target }: Event): HTMLElement | null => (target as Element).closest?.<HTMLElement>(TAKERS) ?? null;

export class Calm {
  private since = -Infinity;
  private finger = false;
  private clicked = -Infinity;
  private taker: Element | null = null;
  private press: { readonly taker: HTMLElement | null; readonly x: number; readonly y: number } | null = null;

  /** Another step is shown. */
  stepped(): void {
    this.since = performance.now();
  }

  readonly touched = (event: PointerEvent): void => {
    this.finger = event.pointerType !== 'mouse';
    this.press = { taker: takerOf(event), x: event.clientX, y: event.clientY };
  };

  /** Of `mousedown`, which would take the focus from the heading, and `click`. */
  readonly pressed = (event: MouseEvent): void => {
    const now = performance.now();
    const taker = takerOf(event);
    // A click without a pointer (`detail` 0) is the keyboard's, or a screen reader's.
    const second = event.detail > 1 || (this.finger && event.detail > 0);
    const elsewhere = this.taker !== null && taker !== this.taker && now - this.clicked <= CALM_MS;
    if (second && (elsewhere || now - this.since <= CALM_MS)) {
      event.preventDefault();
      event.stopPropagation();
    } else if (event.type === 'click') {
      const moved = event.detail > 0 ? this.moved(event, taker) : null;
      this.press = null;
      if (moved !== null) {
        event.preventDefault();
        event.stopPropagation();
        return moved.click(); // which comes here, too
      }
      this.clicked = now;
      this.taker = taker;
    }
  };

  /** What was pressed, where the click went past it. */
  private moved({ clientX, clientY }: MouseEvent, taker: HTMLElement | null): HTMLElement | null {
    if (this.press === null) return null;
    const { taker: pressed, x, y } = this.press;
    const still = Math.hypot(clientX - x, clientY - y) < STILL;
    return still && pressed !== taker && pressed?.isConnected ? pressed : null;
  }
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
