import { beforeEach, expect, test, vi } from 'vitest';
import type { Controller } from '../session/controller';
import { START, type State, type Step } from '../session/flow';

/** Hooks of one component: what it keeps by its place, effects at once. */
const hooks = vi.hoisted(() => ({ kept: [] as unknown[], at: 0 }));
vi.mock('preact/hooks', () => {
  const keep = (made: () => unknown) => (hooks.kept[hooks.at++] ??= made());
  return {
    useRef: (value: unknown) => keep(() => ({ current: value })),
    useReducer: () => [0, () => undefined],
    useEffect: (effect: () => void, inputs?: unknown[]) => (inputs === undefined ? effect() : keep(() => (effect(), true))),
  };
});

/** The browser: its entries, and where in them it stands. -1: it has left the page. */
class Browser {
  readonly entries: unknown[] = [];
  at = 0;
  moved: (event: { state: unknown }) => void = () => undefined;
  reloads = 0;
  readonly pushState = (state: unknown) => void this.entries.splice(++this.at, Infinity, state);
  readonly replaceState = (state: unknown) => void (this.entries[this.at] = state);
  constructor(private readonly before: number) {
    for (let entry = 0; entry <= before; entry++) this.entries.push(null);
    this.at = before;
  }
  get length(): number {
    return this.entries.length;
  }
  get state(): unknown {
    return this.entries[this.at];
  }
  readonly go = (steps: number) => {
    if (steps === 0) this.reloads++;
    const to = this.at + steps;
    if (to < 0 || to >= this.length) return;
    this.at = to;
    if (!this.isLeft) this.moved({ state: this.state });
  };
  get isLeft(): boolean {
    return this.at < this.before;
  }
}

/** The page in that browser. `before`: entries of other pages before it. */
async function opened(before: number) {
  const browser = new Browser(before);
  vi.stubGlobal('history', browser);
  vi.stubGlobal('matchMedia', () => ({ matches: true })); // a telephone
  vi.stubGlobal('document', { querySelectorAll: () => [] });
  vi.stubGlobal('addEventListener', (_: string, moved: Browser['moved']) => (browser.moved = moved));
  const { useHistory } = await import('./history');
  let state = START;
  const controller = {
    go: (step: Step) => (state = { ...state, step }),
    comeBack: () => (state = { ...state, handOver: null }),
  } as unknown as Controller;
  const draw = () => {
    hooks.at = 0;
    useHistory(state, controller);
  };
  return {
    browser,
    step: () => state.step,
    handedOver: () => state.handOver !== null,
    show(change: Partial<State>): void {
      state = { ...state, busy: false, ...change };
      draw();
    },
    back(): void {
      browser.go(-1);
      draw();
    },
  };
}

const session = (status: string) => ({ session: { status } as NonNullable<State['session']> });

beforeEach(() => {
  vi.resetModules();
  hooks.kept.length = 0;
});

test('"back" in a second attempt leads to what the first came to, and only from there out of the session', async () => {
  const page = await opened(1);
  for (const step of ['review', 'source', 'consent'] as const) page.show({ ...session('Pending'), step });
  page.show({ ...session('ProcessingError'), step: 'documents' });
  page.show({ step: 'source' });

  page.back();
  expect([page.step(), page.browser.isLeft]).toEqual(['documents', false]);
  page.back();
  expect(page.browser.isLeft).toBe(true);
});

test('so it does where the page was loaded after the first attempt', async () => {
  const page = await opened(1);
  page.show({ ...session('ProcessingError'), step: 'documents' });
  page.show({ step: 'source' });
  page.show({ step: 'consent', source: {} as State['source'] });

  page.back();
  expect(page.step()).toBe('source');
  page.back();
  expect([page.step(), page.browser.isLeft]).toEqual(['documents', false]);
});

test('after the end "back" goes to the first entry of a tab that has nothing before it, and loads nothing anew', async () => {
  const page = await opened(0);
  for (const step of ['review', 'source', 'consent'] as const) page.show({ ...session('Pending'), step });
  page.show({ ...session('Completed'), step: 'documents' });

  page.back();
  expect([page.browser.at, page.browser.reloads]).toEqual([0, 0]);
});

test('"back" from the code for another device leads to the documents', async () => {
  const page = await opened(1);
  page.show({ ...session('Pending'), step: 'documents' });
  page.show({ handOver: { picture: 'blob:code', expiresAt: '2026-01-01T00:05:00Z' } });

  page.back();
  expect([page.handedOver(), page.step(), page.browser.isLeft]).toEqual([false, 'documents', false]);
  page.browser.go(1); // the code is over
  page.show({});
  expect([page.handedOver(), page.step(), page.browser.at]).toEqual([false, 'documents', 1]);
});
