import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { DocumentView, SessionView } from '../server/model';
import type { Controller } from '../session/controller';
import { fill, texts } from '../texts/format';
import { Reason } from './aside';
import { Heading } from './parts';
import { Signer } from './vouched';

const t = texts.ended;
const RETURN_SECONDS = 5;

interface EndedProps {
  readonly session: SessionView;
  readonly controller: Controller;
}

export function Ended({ session, controller }: EndedProps): VNode {
  switch (session.status) {
    case 'Completed':
      return <Completed session={session} />;
    case 'Processing':
      return (
        <section>
          <Heading text={t.stored} />
          <p>{t.storedText}</p>
          <GoBack session={session} automatic={true} at={0} />
        </section>
      );
    case 'UserCancelled':
      return (
        <section>
          <Heading text={t.cancelled} />
          <p>{t.cancelledText}</p>
          <GoBack session={session} automatic={session.returnUrl !== null} at={0} />
        </section>
      );
    case 'Expired':
      return (
        <section>
          <Heading text={t.expired} />
          <p>{fill(t.expiredText, { application: session.applicationName })}</p>
          {session.returnUrl !== null && <GoBack session={session} automatic={false} />}
        </section>
      );
    default:
      return <Failed session={session} controller={controller} />;
  }
}

function Completed({ session }: { readonly session: SessionView }): VNode {
  const { documents, applicationName } = session;
  return (
    <section class="done">
      <Heading text={fill(t.completed, { count: documents.length })} />
      <p>{fill(documents.length > 0 ? t.completedText : t.completedLate, { count: documents.length, application: applicationName })}</p>
      {session.signer !== null && <Signer signer={session.signer} />}
      <Downloads documents={documents} />
      <GoBack session={session} automatic={session.returnUrl !== null || session.disableDownloads} />
    </section>
  );
}

function Failed({ session, controller }: EndedProps): VNode {
  const again = session.documents.some(({ status, leftOut }) => status === 'ProcessingError' && !leftOut);
  const none = session.documents.length > 0 && session.documents.every(({ leftOut }) => leftOut);
  const { applicationName, returnUrl } = session;
  return (
    <section>
      <Heading text={none ? t.failedAll : t.failed} />
      <p>{again ? t.failedText : fill(none ? t.leftOutAll : t.leftOut, { application: applicationName })}</p>
      <ul class="files">
        {session.documents.map((document) => (
          <li key={document.id}>
            <div class="what">
              <span class="name">{document.name}</span>
              <span class="facts">{t.statuses[document.leftOut ? 'PendingSignature' : document.status]}</span>
              {document.processingErrorCode !== null && (
                <Reason code={document.processingErrorCode} detail={document.processingErrorDetail} />
              )}
            </div>
          </li>
        ))}
      </ul>
      <Downloads documents={session.documents} />
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
      {returnUrl === null && !again && <Close line={t.close} />}
    </section>
  );
}

function Downloads({ documents }: { readonly documents: readonly DocumentView[] }): VNode {
  const files = documents.flatMap(({ signedFile }) => (signedFile === null ? [] : [signedFile]));
  return (
    <ul class="downloads">
      {files.map((file) => (
        <li key={file.location}>
          <a class="button" href={file.location} download={file.name}>
            {fill(t.download, { name: file.name })}
          </a>
        </li>
      ))}
    </ul>
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
    // Who fetches his files is not torn away from them.
    const files = document.querySelector('.downloads');
    const fetched = (): void => stay(true);
    files?.addEventListener('click', fetched);
    return () => {
      clearInterval(timer);
      files?.removeEventListener('click', fetched);
    };
  }, [stays]);
  useEffect(() => {
    if (stays || left !== 0) return;
    if (returnUrl === null) close();
    else location.assign(returnUrl);
  }, [stays, left, returnUrl]);
  if (returnUrl === null) return <Close line={counting ? fill(t.closing, { count: left }) : t.close} />;
  return (
    <>
      {counting && <p role="status">{fill(t.goingBack, { count: left })}</p>}
      <a class="button primary" href={returnUrl}>
        {fill(t.goBack, { application: session.applicationName })}
      </a>
      {counting && (
        <button type="button" class="plain" onClick={() => stay(true)}>
          {t.stay}
        </button>
      )}
    </>
  );
}

/** A tab may close itself when a link or a script has opened it for this page alone; otherwise the sentence remains. */
function Close({ line }: { readonly line: string }): VNode {
  const closable = opener !== null || history.length === 1;
  return (
    <>
      <p>{line}</p>
      {closable && (
        <button type="button" class="primary" onClick={() => close()}>
          {t.closeIt}
        </button>
      )}
    </>
  );
}
