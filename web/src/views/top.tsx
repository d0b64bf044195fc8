/** What stands above and below every step: whose page it is, who asks, how far it is, who runs it. */
import type { VNode } from 'preact';
import type { SessionView } from '../server/model';
import { type Place, placeOnTheWay, type State } from '../session/flow';
import { fill, texts } from '../texts/format';

const t = texts.page;

/** Who asks, and where the signer is on the way. */
export function Way({ state, session }: { readonly state: State; readonly session: SessionView }): VNode {
  const place = placeOnTheWay(state);
  return (
    <div class="way">
      <p class="asker">{fill(texts.askedBy, { application: session.applicationName })}</p>
      {place !== null && <Steps {...place} />}
    </div>
  );
}

function Steps({ name, number, total }: Place): VNode {
  return (
    <div class="steps">
      <p>
        {fill(t.step, { number, total })}
        <span class="which">: {t.steps[name]}</span>
      </p>
      <div aria-hidden="true">
        {Array.from({ length: total }, (_, index) => (
          <span key={index} class={index < number ? 'past' : ''} />
        ))}
      </div>
    </div>
  );
}

/** Who runs this page, and what for. */
export function Footer({ session }: { readonly session: SessionView }): VNode {
  const application = session.applicationName;
  const operator = session.branding?.name ?? null;
  return (
    <footer>
      <p>{operator === null ? fill(t.served, { host: location.hostname, application }) : fill(operator === application ? t.runSame : t.run, { operator, application })}</p>
    </footer>
  );
}
