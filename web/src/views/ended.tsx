import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { DocumentView, SessionView } from '../server/model';
import type { Controller } from '../session/controller';
import { fill, size, texts } from '../texts/format';
import { Reason } from './aside';
import { Icon } from './icon';
import { Heading, Mark } from './parts';
import { Signer } from './vouched';

const t = texts.ended;
const RETURN_SECONDS = 5;

/** What only somebody does who is there. `scroll` is not one of them: the page itself scrolls. */
const SIGNS_OF_LIFE = ['pointerdown', 'keydown', 'wheel', 'focusin'];

interface EndedProps {
  readonly session: SessionView;
  readonly controller: Controller;
}

/** `live`: this page has seen the session open. Else "back" may have led to it, and must not be a way into a trap. */
export function Ended({ session, controller, live }: EndedProps & { readonly live: boolean }): VNode {
  const { applicationName: application, returnUrl } = session;
  switch (session.status) {
    case 'Completed':
      return <Completed session={session} />;
    case 'Processing':
      return (
        <section>
          <Mark name="done" kind="good" />
          <Heading text={t.stored} />
          <p>{t.storedText}</p>
          <GoBack session={session} automatic={leaves(live)} at={0} />
        </section>
      );
    case 'UserCancelled':
      return (
        <section>
          <Mark name="out" kind="calm" />
          <Heading text={t.cancelled} />
          <p>{t.cancelledText}</p>
          <p>{fill(t.cancelledNext, { application })}</p>
          <GoBack session={session} automatic={returnUrl !== null && leaves(live)} at={0} />
        </section>
      );
    case 'Expired':
      return (
        <section>
          <Mark name="clock" kind="calm" />
          <Heading text={t.expired} />
          <p>{fill(t.expiredText, { application })}</p>
          <p class="facts">{t.expiredNext}</p>
          {returnUrl !== null && <GoBack session={session} automatic={false} />}
        </section>
      );
    default:
      return <Failed session={session} controller={controller} />;
  }
}

/** False where the browser's "back" or "forward" brought an end that was there before. */
export function leaves(live: boolean): boolean {
  const [loading] = performance.getEntriesByType('navigation') as readonly (PerformanceEntry & { readonly type?: string })[];
  return live || loading?.type !== 'back_forward';
}

function Completed({ session }: { readonly session: SessionView }): VNode {
  const { documents, applicationName: application } = session;
  const count = documents.length;
  return (
    <section class="done">
      <Mark name="done" kind="good" />
      <Heading text={count > 0 ? fill(t.completed, { count }) : t.over} />
      <p>{count > 0 ? fill(t.completedText, { count }) : fill(t.late, { application })}</p>
      {session.signer !== null && <Signer signer={session.signer} />}
      {count > 0 && <h2>{fill(t.files, { count })}</h2>}
      <Files session={session} />
      {count > 0 && session.returnUrl !== null && <p>{fill(t.next, { application })}</p>}
      <GoBack session={session} automatic={count > 0 && (session.returnUrl !== null || (session.disableDownloads && isClosable()))} />
    </section>
  );
}

function Failed({ session, controller }: EndedProps): VNode {
  const again = session.documents.some(({ status, leftOut }) => status === 'ProcessingError' && !leftOut);
  const none = session.documents.length > 0 && session.documents.every(({ leftOut }) => leftOut);
  const { applicationName, returnUrl } = session;
  return (
    <section>
      <Mark name="warning" kind="bad" />
      <Heading text={none ? t.failedAll : t.failed} />
      <p>{again ? t.failedText : fill(none ? t.leftOutAll : t.leftOut, { application: applicationName })}</p>
      {session.signer !== null && !none && <Signer signer={session.signer} />}
      <Files session={session} />
      {(again || returnUrl !== null) && (
        <div class="actions">
          {again && (
            <button type="button" class="primary" onClick={() => controller.go('source')}>
              {t.again}
            </button>
          )}
          {returnUrl !== null && (
            <a class={again ? 'button plain' : 'button primary'} href={returnUrl}>
              {fill(t.goBack, { application: applicationName })}
            </a>
          )}
        </div>
      )}
      {returnUrl === null && !again && <Close line={t.close} />}
    </section>
  );
}

/** Every document and what became of it: the signed file, or the reason why there is none. How to check it later. */
function Files({ session: { documents, signedFiles } }: { readonly session: SessionView }): VNode {
  const pdf = documents.some(({ signedFile }) => signedFile?.name.toLowerCase().endsWith('.pdf'));
  return (
    <>
      {signedFiles !== null && (
        <p class="all">
          <a class="button" href={signedFiles} download>
            <Icon name="open" />
            {t.all}
          </a>
        </p>
      )}
      {documents.length > 0 && (
        <ul class="files downloads">
          {documents.map((document) => (
            <File key={document.id} document={document} />
          ))}
        </ul>
      )}
      {pdf && <p class="facts">{t.check}</p>}
    </>
  );
}

function File({ document }: { readonly document: DocumentView }): VNode {
  const { status, leftOut, signedFile, processingErrorCode } = document;
  const facts = [t.statuses[leftOut ? 'PendingSignature' : status]];
  if (signedFile !== null) facts.push(size(signedFile.length));
  return (
    <li class={status === 'ProcessingError' ? 'refused' : ''}>
      <Icon name={status === 'ProcessingError' ? 'out' : 'file'} />
      <div class="what">
        <span class="name">{signedFile?.name ?? document.name}</span>
        <span class="facts">{facts.join(' · ')}</span>
        {status === 'Completed' && <span class="facts">{fill(t.key, { key: document.formattedKey })}</span>}
        {document.awaitsLevel && <span class="warning">{t.awaits}</span>}
        {processingErrorCode !== null && <Reason code={processingErrorCode} detail={document.processingErrorDetail} />}
      </div>
      {signedFile !== null && (
        <a class="button" href={signedFile.location} download={signedFile.name} aria-label={fill(t.download, { name: signedFile.name })}>
          <Icon name="open" />
          <span class="wide">{t.get}</span>
        </a>
      )}
    </li>
  );
}

interface GoBackProps {
  readonly session: SessionView;
  readonly automatic: boolean;
  /** Seconds until it happens by itself. */
  readonly at?: number;
}

function GoBack({ session, automatic, at = RETURN_SECONDS }: GoBackProps): VNode {
  const { returnUrl } = session;
  const [left, setLeft] = useState(at);
  const [stays, stay] = useState(!automatic);
  const counting = !stays && left > 0;
  useEffect(() => {
    if (stays) return;
    const timer = setInterval(() => setLeft((seconds) => seconds - 1), 1000);
    // Whoever reads, or fetches their files, is not torn away from them.
    const there = () => stay(true);
    for (const sign of SIGNS_OF_LIFE) addEventListener(sign, there, { once: true });
    return () => clearInterval(timer);
  }, [stays]);
  useEffect(() => {
    if (stays || left !== 0) return;
    if (returnUrl === null) close();
    else location.assign(returnUrl);
  }, [stays, left, returnUrl]);
  if (returnUrl === null) return <Close line={counting ? fill(t.closing, { count: left }) : t.close} />;
  return (
    <div class="actions">
      <a class="button primary" href={returnUrl}>
        {fill(t.goBack, { application: session.applicationName })}
      </a>
      {automatic && (
        <div class="counting">
          <p role="status">{counting ? fill(t.goingBack, { count: left }) : <span class="unseen">{t.stays}</span>}</p>
          {counting && (
            <button type="button" class="plain" onClick={() => stay(true)}>
              {t.stay}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

/** True for a tab that a link or a script has opened for this page alone: others may not close themselves. */
function isClosable(): boolean {
  return opener !== null || history.length === 1;
}

/** Where the tab may not close itself the sentence remains. */
function Close({ line }: { readonly line: string }): VNode {
  return (
    <>
      <p>{line}</p>
      {isClosable() && (
        <button type="button" class="primary" onClick={() => close()}>
          {t.closeIt}
        </button>
      )}
    </>
  );
}
