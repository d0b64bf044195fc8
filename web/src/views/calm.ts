/**
 * What a click is for.
 *
 * The second of two quick taps is not for what the first has brought: another button, or a link, has come to its place.
 * For a moment after each step nothing takes it, and after each click nothing but what took the first: a row may have gone
 * meanwhile, or a question come. A mouse says itself that it is the second; a finger does not everywhere.
 *
 * A click is for what was pressed, wherever that is now: the page may have been laid out anew before it was let go. Browsers
 * give such a click to what is there then, or to what is around both. Whoever slides off what they pressed takes it back.
 */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

const CALM_MS = 400;

/** What takes a click, whatever is inside it. */
const TAKERS = 'button, a, label, summary';

const takerOf = (target: EventTarget | null): HTMLElement | null => (target as Element | null)?.closest?.<HTMLElement>(TAKERS) ?? null;

/** What takes a click there. What is hidden, or lies behind something else, takes none. */
const takerAt = (x: number, y: number): HTMLElement | null => takerOf(document.elementFromPoint(x, y));

interface Press {
  readonly x: number;
  readonly y: number;
  readonly taker: HTMLElement | null;
  /** Where the taker was. */
  readonly box: DOMRect | undefined;
}

export class Calm {
  private since = -Infinity;
  private finger = false;
  private clicked = -Infinity;
  private taker: Element | null = null;
  private press: Press | null = null;

  /** Another step is shown. */
  stepped(): void {
    this.since = performance.now();
  }

  /** Of `pointerdown`, and of `pointercancel`: what began as a press is something else, like a scroll. */
  readonly touched = ({ type, target, pointerType, button, clientX: x, clientY: y }: PointerEvent): void => {
    this.finger = pointerType !== 'mouse';
    const taker = takerOf(target);
    this.press = type === 'pointerdown' && button === 0 ? { x, y, taker, box: taker?.getBoundingClientRect() } : null;
  };

  /** Of `mousedown`, which would take the focus from the heading, and `click`. */
  readonly pressed = (event: MouseEvent): void => {
    const now = performance.now();
    const there = takerOf(event.target);
    const click = event.type === 'click';
    // A click without a pointer (`detail` 0) is the keyboard's, or a screen reader's.
    const taker = click && event.detail > 0 ? this.meant(event, there) : there;
    const second = event.detail > 1 || (this.finger && event.detail > 0);
    const elsewhere = this.taker !== null && taker !== this.taker && now - this.clicked <= CALM_MS;
    const early = second && (elsewhere || now - this.since <= CALM_MS);
    if (click) this.press = null;
    if (early || taker !== there) {
      event.preventDefault();
      event.stopPropagation();
      if (!early) taker?.click(); // which comes here, too
    } else if (click) {
      this.clicked = now;
      this.taker = taker;
    }
  };

  /** What a click on `there` is for; null: for nothing. */
  private meant({ clientX, clientY }: MouseEvent, there: HTMLElement | null): HTMLElement | null {
    if (this.press === null) return there;
    const { x, y, taker, box } = this.press;
    if (taker === there) return there;
    // Beside a small button a finger is helped by some browsers. What has come under it was not meant.
    if (taker === null || box === undefined) return takerAt(x, y) === there ? null : there;
    // It was let go on what was pressed, as that stood then.
    const { left, top } = taker.getBoundingClientRect();
    return takerAt(clientX + left - box.left, clientY + top - box.top) === taker ? taker : null;
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
    addEventListener('pointercancel', touched, true);
    addEventListener('mousedown', pressed, true);
    addEventListener('click', pressed, true);
    return () => {
      removeEventListener('pointerdown', touched, true);
      removeEventListener('pointercancel', touched, true);
      removeEventListener('mousedown', pressed, true);
      removeEventListener('click', pressed, true);
    };
  }, []);
}
