/** What stands above and below every step: whose page it is, who asks, how far it is, who runs it. */
import type { VNode } from 'preact';
import type { SessionView } from '../server/model';
import { type Place, placeOnTheWay, type State } from '../session/flow';
import { fill, language, languages, speak, texts } from '../texts/format';

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

/** Other languages. Another one changes the words and nothing else: the step, and what was chosen, stay as they are. */
export function Languages({ onChosen }: { readonly onChosen: () => void }): VNode {
  const choose = (event: MouseEvent, tag: string) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in another tab
    event.preventDefault();
    const address = `?lang=${tag}`;
    speak(tag).then(
      () => {
        history.replaceState(history.state, '', address);
        onChosen();
      },
      () => location.assign(address),
    );
  };
  return (
    <nav class="languages" aria-label={t.languages}>
      {languages.map((tag) => (
        <a key={tag} href={`?lang=${tag}`} lang={tag} hreflang={tag} aria-current={tag === language ? 'true' : undefined} onClick={(event) => choose(event, tag)}>
          <span aria-hidden="true">{tag.slice(0, 2).toUpperCase()}</span>
          <span>{nameOf(tag)}</span>
        </a>
      ))}
    </nav>
  );
}

/** A language's own name: "Português (Brasil)". */
function nameOf(tag: string): string {
  const name = new Intl.DisplayNames(tag, { type: 'language' }).of(tag) ?? tag;
  return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
}

/** Who runs this page, and what for. */
export function Footer({ session }: { readonly session: SessionView }): VNode {
  const application = session.applicationName;
  const operator = session.branding?.name ?? location.hostname;
  return (
    <footer>
      <p>{fill(operator === application ? t.runSame : t.run, { operator, application })}</p>
    </footer>
  );
}
