import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { SessionView } from '../server/model';
import { warningFor } from '../session/time';
import { fill, texts, time } from '../texts/format';
import { Icon } from './icon';
import type { ViewProps } from './parts';

const t = texts.time;
const LOOK_MS = 5000;

/** The last ten minutes of the link, and the way to more of them. A link that has ended shows at once what that means. */
export function TimeLeft({ state, controller, session }: ViewProps & { readonly session: SessionView }): VNode {
  const [left, setLeft] = useState(() => controller.timeLeft(session));
  const [asked, setAsked] = useState(false);
  const { expiresAt } = session;
  useEffect(() => {
    const look = () => setLeft(controller.timeLeft(session));
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, [controller, expiresAt]);
  const over = left <= 0;
  useEffect(() => {
    if (over) void controller.load();
  }, [over]);
  const minutes = warningFor(left);
  // The next step needs the room; whoever reads slowly is not hurried.
  useEffect(() => setAsked(false), [state.step]);
  const extend = () => {
    setAsked(true);
    for (const heading of document.querySelectorAll('h1')) heading.focus({ preventScroll: true }); // the button goes
    void controller.extend();
  };
  return (
    <div class={minutes !== null ? 'time-left' : asked ? 'time-left given' : ''}>
      <p role="status">
        {(minutes !== null || asked) && <Icon name={minutes === null ? 'done' : 'clock'} />}
        {minutes !== null && fill(t.left, { count: minutes })}
        {minutes === null && asked && fill(t.given, { time: time(new Date(expiresAt)) })}
      </p>
      {minutes !== null && session.extensible && (
        <button type="button" disabled={state.busy} onClick={extend}>
          {t.more}
        </button>
      )}
    </div>
  );
}
