import type { VNode } from 'preact';
import { expect, test, vi } from 'vitest';
import type { Controller } from '../session/controller';
import { START, type State, type Upload } from '../session/flow';
import { Documents } from './documents';
import { Notice } from './parts';

vi.mock('../texts/catalogue', async () => ({ texts: (await import('../texts/en.json')).default, language: 'en', locale: () => 'en' }));

/** Hooks of one component: what it keeps by its place, effects at once. */
const hooks = vi.hoisted(() => ({ kept: [] as { value: unknown }[], at: 0 }));
vi.mock('preact/hooks', () => ({
  useRef: (value: unknown) => ({ current: value }),
  useId: () => 'id',
  useEffect: (effect: () => void) => effect(),
  useState: (value: unknown) => {
    const kept = (hooks.kept[hooks.at++] ??= { value });
    return [kept.value, (next: unknown) => void (kept.value = next)];
  },
}));

type Found = VNode<{ children?: unknown; class?: string; onClick?: () => void; problem?: unknown }>;

function all(node: unknown): Found[] {
  if (Array.isArray(node)) return node.flatMap(all);
  if (node === null || typeof node !== 'object') return [];
  return [node as Found, ...all((node as Found).props.children)];
}

const document = { id: 'a', name: 'a.pdf', sha256: 'a', status: 'PendingSignature', leftOut: false, findings: [], length: 1, pages: 1, signatures: 0 };
const upload: Upload = { id: 1, name: 'a.pdf', length: 1, sent: 0, error: null };
const state = (change: Partial<State> = {}, documents: readonly unknown[] = []): State => ({
  ...START,
  busy: false,
  session: { status: 'Pending', documents } as unknown as NonNullable<State['session']>,
  ...change,
});

/** What is shown after each of these: the code of the notice, or null. */
function page() {
  hooks.kept.length = 0;
  const go = vi.fn();
  const draw = (shown: State): Found[] => {
    hooks.at = 0;
    vi.stubGlobal('document', { activeElement: null });
    return all(Documents({ state: shown, controller: { go } as unknown as Controller, session: shown.session! }));
  };
  return {
    go,
    said: (shown: State) => {
      draw(shown);
      const problem = draw(shown).find(({ type }) => (type as unknown) === Notice)?.props.problem as { code: string } | null;
      return problem?.code ?? null;
    },
    /** The field of the component that has one. */
    input: (shown: State) => {
      const chooser = draw(shown).find(({ props }) => 'controller' in props && 'session' in props)!;
      const drawn = (chooser.type as (props: unknown) => Found)(chooser.props);
      return all(drawn).find(({ type }) => (type as unknown) === 'input')!.props as { accept?: string };
    },
    goOn: (shown: State) => draw(shown).find(({ type }) => (type as unknown) === 'button')?.props.onClick?.(),
  };
}

test('whoever goes on without a document is told so, until there is one on its way', () => {
  const { said, goOn, go } = page();
  expect(said(state())).toBeNull();
  goOn(state());
  expect(go).toHaveBeenCalledWith('documents');
  expect(said(state())).toBe('NoDocument');
  expect(said(state({ uploads: [upload] }))).toBeNull();
  expect(said(state({ busy: true }, [document]))).toBeNull();
  expect(said(state())).toBeNull();
});

test('what has happened is not hidden by it', () => {
  const { said, goOn } = page();
  goOn(state());
  expect(said(state({ problem: { code: 'Network', message: '' } }))).toBe('Network');
});

test('with a document the page goes on', () => {
  const { goOn, go } = page();
  goOn(state({}, [document]));
  expect(go).toHaveBeenCalledWith('review');
});

test('a guess that only PDFs are accepted hides no file from the signer', () => {
  const { input } = page();
  expect(input(state({ session: { status: 'Pending', documents: [], pdfOnly: true } as unknown as NonNullable<State['session']> })).accept).toBeUndefined();
});
