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

/** What an entry is of. */
type Place = Step | 'hand-over';

/** What an entry holds. `depth`: as many entries of this session come before it. */
interface Entry {
  readonly step: Place;
  readonly depth: number;
}

/** Nothing was there before this page. */
const first = history.length === 1;
const alone = first && !matchMedia('(any-pointer: coarse)').matches;

export function useHistory(state: State, controller: Controller): void {
  const entry = useRef<Entry | null>(null);
  /** Places by depth, as far as this page has seen them. */
  const trail = useRef<Place[]>([]).current;
  const base = useRef(0);
  const current = useRef(state);
  const [, again] = useReducer<number, undefined>((times) => times + 1, 0);
  current.current = state;

  useEffect(() => {
    history.scrollRestoration = 'manual';
    const moved = ({ state: to }: PopStateEvent) => {
      const now = current.current;
      if (to === null || now.session === null) return;
      const trying = isTrying(now);
      if (now.session.status !== 'Pending' && !trying) {
        // What is over stays over: one step back is out of it.
        if (now.progress === null) leave(to.depth);
        return;
      }
      // What a page that was reloaded has left behind.
      if (to.depth < base.current) return leave(to.depth);
      for (const dialog of document.querySelectorAll('dialog')) dialog.close();
      entry.current = to;
      trail[to.depth] = to.step;
      if (now.handOver !== null) controller.comeBack();
      // Without its key a second attempt has one step: beside it is what the first one came to.
      else if (!now.busy) controller.go(to.step === 'hand-over' || (trying && now.source === null && to.step !== 'source') ? 'documents' : to.step);
      again(undefined);
    };
    addEventListener('popstate', moved);
    return () => removeEventListener('popstate', moved);
  }, [controller]);

  useEffect(() => {
    if ((state.session?.status !== 'Pending' && !isTrying(state)) || alone) return;
    if (entry.current === null) {
      base.current = (history.state as Entry | null)?.depth ?? 0;
      // A second attempt comes after what the first one came to.
      entry.current = { step: isTrying(state) ? 'documents' : placeOf(state), depth: base.current };
      history.replaceState(entry.current, '');
      trail[base.current] = entry.current.step;
    }
    const before = entry.current;
    const step = placeOf(state);
    if (before.step === step) return;
    const seen = trail.slice(0, before.depth).lastIndexOf(step);
    if (seen >= 0) {
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

function placeOf({ step, handOver }: State): Place {
  return handOver === null ? step : 'hand-over';
}

/** True in a second attempt, with what could not be signed in the first. */
function isTrying({ session, step }: State): boolean {
  return session?.status === 'ProcessingError' && step !== 'documents';
}

/** One step out of the session; where that is nowhere, to its first entry: the next "back" leaves it. */
function leave(depth: number): void {
  const steps = first ? depth : depth + 1;
  if (steps > 0) history.go(-steps); // `go(0)` would load the page anew
}
