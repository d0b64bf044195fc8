/** A search through all documents, one call after the other; what is found is shown as it comes. */
import { useRef, useState } from 'preact/hooks';
import type { DocumentView, Hit } from '../../server/model';
import type { Controller } from '../../session/controller';
import { type Problem, problemOf } from '../../session/problem';

/** More help nobody, and each costs memory here. */
const MOST = 1000;

export interface Found extends Hit {
  readonly documentId: string;
}

export interface Searching {
  readonly words: string;
  readonly found: readonly Found[];
  /** Which of `found` the signer looks at; -1 before the first one. */
  readonly at: number;
  readonly running: boolean;
  readonly problem: Problem | null;
}

export const NOTHING: Searching = { words: '', found: [], at: -1, running: false, problem: null };

export interface Search {
  readonly state: Searching;
  /** Look for other words, or go on to the next place (`step` 1) or the one before (-1). */
  readonly go: (words: string, step: 1 | -1) => void;
  readonly end: () => void;
}

/** `show` is called with each place that the signer goes to. */
export function useSearch(documents: readonly DocumentView[], controller: Controller, show: (found: Found) => void): Search {
  const [state, setState] = useState(NOTHING);
  const runs = useRef(0);

  async function begin(words: string): Promise<void> {
    const run = ++runs.current;
    const found: Found[] = [];
    setState({ ...NOTHING, words, running: true });
    let problem: Problem | null = null;
    for (const { id, pages } of documents) {
      try {
        for (let page: number | null = pages > 0 ? 0 : null; page !== null && found.length < MOST; ) {
          const { hits, nextPage } = await controller.pages.find(id, words, page);
          if (run !== runs.current) return;
          const first = found.length === 0;
          found.push(...hits.map((hit) => ({ ...hit, documentId: id })));
          if (first && found[0] !== undefined) show(found[0]);
          const so = [...found];
          setState((before) => ({ ...before, found: so, at: before.at < 0 && so.length > 0 ? 0 : before.at }));
          page = nextPage;
        }
      } catch (error) {
        if (run !== runs.current) return;
        problem = problemOf(error); // the other documents are searched all the same
      }
    }
    setState((before) => ({ ...before, running: false, problem }));
  }

  function go(typed: string, step: 1 | -1): void {
    const words = typed.trim();
    if (words === '') return;
    if (words !== state.words || state.problem !== null) {
      void begin(words);
      return;
    }
    if (state.found.length === 0) return;
    const at = (state.at + step + state.found.length) % state.found.length;
    setState((before) => ({ ...before, at }));
    show(state.found[at]!);
  }

  function end(): void {
    runs.current++;
    setState(NOTHING);
  }

  return { state, go, end };
}
