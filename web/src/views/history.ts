/**
 * The browser's own buttons. Each step is an entry of its history, so that "back" goes one step back and not out of the
 * session. The page's own "back" goes to the entry that is there.
 *
 * A window that was opened for this page alone has nothing to go back to, and may close itself only as long as that is so:
 * it gets no entries, except on telephones, whose "back" would close it.
 */
import { useEffect, useReducer, useRef } from 'preact/hooks';
import type { Controller } from '../session/controller';
import type { State, Step } from '../session/flow';

/** What an entry holds. `depth`: as many entries of this session come before it. */
interface Entry {
  readonly step: Step;
  readonly depth: number;
}

const alone = history.length === 1 && !matchMedia('(any-pointer: coarse)').matches;

export function useHistory(state: State, controller: Controller): void {
  const entry = useRef<Entry | null>(null);
  /** Steps by depth, as far as this page has seen them. */
  const trail = useRef<Step[]>([]).current;
  const base = useRef(0);
  const current = useRef(state);
  const [, again] = useReducer<number, undefined>((times) => times + 1, 0);
  current.current = state;

  useEffect(() => {
    history.scrollRestoration = 'manual';
    const moved = ({ state: to }: PopStateEvent) => {
      const now = current.current;
      if (to === null || now.session === null) return;
      if (now.session.status !== 'Pending') {
        // What is over stays over: one step back is out of it.
        if (now.progress === null) history.go(-to.depth - 1);
        return;
      }
      // What a page that was reloaded has left behind.
      if (to.depth < base.current) return history.go(-to.depth - 1);
      for (const dialog of document.querySelectorAll('dialog')) dialog.close();
      entry.current = to;
      trail[to.depth] = to.step;
      if (now.handOver !== null) controller.comeBack();
      else if (!now.busy) controller.go(to.step);
      again(undefined);
    };
    addEventListener('popstate', moved);
    return () => removeEventListener('popstate', moved);
  }, [controller]);

  useEffect(() => {
    const { session, step } = state;
    if (session?.status !== 'Pending' || alone) return;
    const before = entry.current;
    if (before?.step === step) return;
    const seen = before === null ? -1 : trail.slice(0, before.depth).lastIndexOf(step);
    if (before === null) {
      base.current = (history.state as Entry | null)?.depth ?? 0;
      entry.current = { step, depth: base.current };
      history.replaceState(entry.current, '');
    } else if (seen >= 0) {
      entry.current = { step, depth: seen };
      history.go(seen - before.depth);
    } else {
      entry.current = { step, depth: before.depth + 1 };
      history.pushState(entry.current, '');
    }
    trail.length = entry.current.depth;
    trail.push(step);
  });
}
