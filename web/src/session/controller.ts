/** What the page does: calls the server, opens keys, signs; each outcome is a happening for `flow.ts`. */
import { fromBase64, toBase64 } from '../bytes/base64';
import { WrongDocument } from '../digest/wrong-document';
import type { HashAlgorithm, KeySource, ToSign } from '../keysource/keysource';
import { loaded, type Opening, open } from '../keysource/sources';
import { type Api, ApiError } from '../server/api';
import { type DigestAlgorithm, type DocumentView, type PreparedItem, type SessionView, waits } from '../server/model';
import type { Listed } from './certificates';
import { type Happening, type State, type Step, sameRefused, toSign } from './flow';
import type { Originals } from './originals';
import { type Problem, passing, problemOf } from './problem';

const FIRST_POLL_MS = 400;
const LONGEST_POLL_MS = 3000;
const REPORT_MS = 100;
/** The server makes a canonical form as it makes a signature, and refuses a session that asks for many at once. */
const XML_AT_ONCE = 2;
const HASHES: Record<DigestAlgorithm, HashAlgorithm> = { SHA256: 'SHA-256', SHA384: 'SHA-384', SHA512: 'SHA-512' };

export type PageCalls = Pick<Api, 'preview' | 'sizes' | 'text' | 'find'>;

/** Throws KeyError: not-loaded. */
const later = () => loaded(() => import('./later'));

export class Controller {
  private originals: Originals | null = null;
  private ended = false;
  private source: KeySource | null = null;
  /** Files on their way or refused, by upload. */
  private readonly files = new Map<number, { readonly file: File; readonly key: string }>();
  private uploads = 0;
  /** When progress was told last. */
  private reported = -Infinity;
  /** Another device goes on. */
  private elsewhere = false;
  private queue: Promise<void> = Promise.resolve();

  constructor(
    private readonly api: Api,
    private readonly happen: (happening: Happening) => void,
  ) {}

  /** Ask where the session stands, and follow it while it is being processed. `asked`: it has been asked for already. */
  async load(asked?: Promise<SessionView>): Promise<void> {
    await this.attempt(async () => this.follow(await (asked ?? this.api.load())));
  }

  /** Send files one after the other, so that progress means something. `maxFile` in bytes. */
  add(files: readonly File[], maxFile: number): void {
    for (const file of files) {
      const id = ++this.uploads;
      const { name, size } = file;
      this.happen({ kind: 'uploadStarted', upload: { id, name, length: size, sent: 0, error: null } });
      if (size > maxFile) {
        this.happen({ kind: 'uploadRefused', id, problem: { code: 'FileTooLarge', message: '' } });
        continue;
      }
      // One key per choice: however often it is sent, it is one document.
      const key = toBase64(crypto.getRandomValues(new Uint8Array(18)));
      this.files.set(id, { file, key });
      this.queue = this.queue.then(() => this.upload(id, file, key));
    }
  }

  /** Send a refused file once more. */
  retry(id: number): void {
    const chosen = this.files.get(id);
    if (chosen === undefined) return;
    this.happen({ kind: 'uploadRetried', id });
    this.queue = this.queue.then(() => this.upload(id, chosen.file, chosen.key));
  }

  dismiss(id: number): void {
    this.files.delete(id);
    this.happen({ kind: 'uploadDismissed', id });
  }

  async remove(documentId: string): Promise<void> {
    await this.attempt(async () => {
      this.happen({ kind: 'loaded', session: await this.api.remove(documentId) });
      this.originals?.forget(documentId);
    });
  }

  /**
   * Give the signer the file as it is, compared, as a download: uploads never run as a page of this origin. Returns what
   * went wrong, if anything. That is no matter of the step.
   */
  async show(document: DocumentView): Promise<Problem | null> {
    try {
      const bytes = await (await this.reading()).shown(document);
      // With the service's type also where the file was chosen here: this machine may have named another one.
      const address = URL.createObjectURL(new Blob([bytes], { type: document.contentType }));
      const anchor = Object.assign(globalThis.document.createElement('a'), { href: address, download: document.name });
      anchor.click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
      return null;
    } catch (error) {
      // Nobody has asked for a signature on it.
      return error instanceof WrongDocument ? { code: 'FileChanged', message: '' } : problemOf(error);
    }
  }

  /** Let another device go on, and follow what happens there. */
  async handOver(): Promise<void> {
    await this.attempt(async () => {
      const { qr, expiresAt } = await this.api.handOver();
      this.happen({ kind: 'handedOver', code: { picture: URL.createObjectURL(qr), expiresAt } });
      if (!this.elsewhere) void this.followElsewhere();
    });
  }

  comeBack(): void {
    this.elsewhere = false;
    this.happen({ kind: 'cameBack' });
  }

  /** The subscription's picture; null when it does not come: the page works without. */
  logo(): Promise<Blob | null> {
    return this.api.logo().catch(() => null);
  }

  /** What the reader of the documents asks the server for: pictures, sizes, words. Its methods raise ApiError. */
  get pages(): PageCalls {
    return this.api;
  }

  go(step: Step): void {
    this.happen({ kind: 'went', step });
  }

  async openSource(opening: Opening, session: SessionView): Promise<void> {
    await this.attempt(async () => {
      const source = await open(opening, session, this.api);
      this.take(source);
      this.happen({ kind: 'sourceOpened', source, certificates: await this.listed(source) });
    });
  }

  /** Fetch and check what the signer reads, so that the signature has not to wait for it. */
  async readAhead(documents: readonly DocumentView[]): Promise<void> {
    await this.reading().then(
      (originals) => (this.ended ? undefined : originals.ahead(documents)),
      () => undefined, // the part is asked for again when it is needed
    );
  }

  choose(certificateId: string): void {
    this.happen({ kind: 'certificateChosen', certificateId });
  }

  /** Milliseconds until the link ends. */
  timeLeft({ expiresAt }: SessionView): number {
    return this.api.until(expiresAt);
  }

  /** Ask for more time. */
  async extend(): Promise<void> {
    await this.attempt(async () => this.happen({ kind: 'loaded', session: await this.api.extend() }));
  }

  async cancel(): Promise<void> {
    await this.attempt(async () => this.follow(await this.api.cancel()));
  }

  /** Prepare, check each document, sign, finish, follow. The keys stay open until the signatures are stored. */
  async sign(state: State): Promise<void> {
    const { source, certificateId } = state;
    const certificate = source?.certificates.find(({ id }) => id === certificateId);
    if (source === null || certificate === undefined) return;
    await this.attempt(async () => {
      this.report('preparing', 0, 0);
      const { preparationId, items, refused } = await this.api.prepare(certificate.der, certificate.chain);
      if (!sameRefused(refused, state.refused)) {
        // The signer has not heard of it yet: they decide whether they go on without these documents.
        this.happen({ kind: 'refused', refused });
        return;
      }
      await this.checkAll(preparationId, items, toSign(state));
      this.report('signing', 0, items.length);
      // Of nothing but refused documents no key is asked: the session ends with the reasons.
      const signed =
        items.length === 0
          ? []
          : await source.sign(certificate.id, items.map(bytesOf), (done) => this.report('signing', done, items.length));
      this.report('sending', items.length, items.length);
      await this.follow(await this.api.finish(preparationId, new Map(signed.map(({ id, value }) => [id, value]))));
    });
  }

  private async upload(id: number, file: File, key: string): Promise<void> {
    try {
      const originals = await this.reading();
      const [read, sent] = await Promise.allSettled([
        originals.choose(file),
        this.api.upload(file, key, (part) => this.happen({ kind: 'uploadSent', id, sent: part })),
      ]);
      const same = read.status === 'fulfilled' && sent.status === 'fulfilled' && read.value.sha256 === sent.value.sha256;
      if (sent.status === 'fulfilled' && !same) await this.api.remove(sent.value.id);
      // The page's own error says more: a file that cannot be read fails to be sent, too.
      if (read.status === 'rejected') throw read.reason;
      if (sent.status === 'rejected') throw sent.reason;
      if (!same) throw new ApiError('DamagedOnTheWay', 'The file arrived changed.');
      originals.hold(sent.value.id, file, read.value);
      this.files.delete(id);
      this.happen({ kind: 'uploadAccepted', id, document: sent.value });
    } catch (error) {
      this.happen({ kind: 'uploadRefused', id, problem: problemOf(error) });
      if (error instanceof ApiError && error.code === 'BadSignatureSessionOperation') await this.load();
    }
  }

  /** `consented`: the documents that the signer saw and agreed to, no more and no fewer. */
  private async checkAll(
    preparationId: string,
    items: readonly PreparedItem[],
    consented: readonly DocumentView[],
  ): Promise<void> {
    const { pairUp, Lane } = await later();
    const originals = await this.reading();
    const pairs = pairUp(items, consented);
    if (pairs === null) {
      throw new ApiError('BadSignatureSessionOperation', 'The documents are not those of the consent.');
    }
    let done = 0;
    let over = false;
    const lane = new Lane(XML_AT_ONCE);
    this.report('checking', done, pairs.length);
    const check = async ([item, document]: (typeof pairs)[number]) => {
      if (over) return;
      try {
        if (item.signatureType === 'Xml') await this.checkXml(preparationId, item, document);
        else await originals.requireSame(document, item);
      } catch (error) {
        over = true; // no check begins any more, and those under way tell nothing
        throw error;
      }
      if (!over) this.report('checking', ++done, pairs.length);
    };
    await Promise.all(
      pairs.map((pair) => (pair[0].signatureType === 'Xml' ? lane.run(() => check(pair)) : check(pair))),
    );
  }

  private async checkXml(preparationId: string, item: PreparedItem, document: DocumentView): Promise<void> {
    const { requireSameXml, treeOf } = await later();
    const originals = await this.reading();
    const path = `${preparationId}/${item.documentId}`;
    // What is parsed is what was digested: a file that is asked for twice may differ.
    const shown = await originals.shown(document);
    const signed = await this.api.canonical(path);
    const digest = await originals.digestOf(signed, item.digestAlgorithm);
    requireSameXml(item, digest, await treeOf(shown), await treeOf(signed));
  }

  private async reading(): Promise<Originals> {
    const { Originals, Digester } = await later();
    this.originals ??= new Originals(this.api, new Digester());
    return this.originals;
  }

  private async follow(session: SessionView): Promise<void> {
    this.arrived(session);
    await this.watch(session, waits);
  }

  /** The session is in another device's hands: what it does there shows here, up to the end. */
  private async followElsewhere(): Promise<void> {
    this.elsewhere = true;
    try {
      const session = await this.watch(await this.api.load(), ({ status }) => this.elsewhere && status === 'Pending');
      if (session.status !== 'Pending') await this.follow(session);
    } catch (error) {
      this.happen({ kind: 'failed', problem: problemOf(error) });
    } finally {
      this.elsewhere = false;
    }
  }

  /** Take in each change while `open` says so: told by the server, or asked for where its events do not come through. */
  private async watch(session: SessionView, open: (session: SessionView) => boolean): Promise<SessionView> {
    for (let pause = FIRST_POLL_MS; open(session); pause = Math.min(pause * 1.2, LONGEST_POLL_MS)) {
      await this.patiently(async () => {
        for await (const told of this.api.events()) {
          if (open(session)) this.arrived((session = told));
          if (!open(session)) return;
        }
      });
      if (!open(session)) return session;
      await new Promise((resolve) => setTimeout(resolve, pause));
      const trouble = await this.patiently(async () => this.arrived((session = await this.api.load())));
      if (trouble !== null) this.happen({ kind: 'waiting', problem: trouble });
    }
    return session;
  }

  /** What is stored is stored: a pause of the network or the service loses nothing. Null when there was none. */
  private async patiently(work: () => Promise<void>): Promise<Problem | null> {
    try {
      await work();
      return null;
    } catch (error) {
      if (!(error instanceof ApiError && passing(error))) throw error;
      return problemOf(error);
    }
  }

  /** Keys are of use as long as the session is open. */
  private arrived(session: SessionView): void {
    this.happen({ kind: 'loaded', session });
    this.ended = session.status !== 'Pending';
    if (!this.ended) return;
    this.take(null);
    this.originals?.close();
    this.originals = null; // what failed may be signed once more
  }

  private take(source: KeySource | null): void {
    if (this.source !== null) {
      this.source.close();
      this.happen({ kind: 'sourceClosed' });
    }
    this.source = source;
  }

  /** The source's certificates with the server's judgement. Without it nothing can be signed: the keys are closed. */
  private async listed(source: KeySource): Promise<readonly Listed[]> {
    try {
      const [{ ranked }, judgements] = await Promise.all([later(), this.api.judge(source.certificates)]);
      return ranked(source.certificates, judgements);
    } catch (error) {
      this.take(null);
      throw error;
    }
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    this.happen({ kind: 'started' });
    try {
      await work();
    } catch (error) {
      this.happen({ kind: 'failed', problem: problemOf(error) });
      if (error instanceof ApiError && error.code === 'BadSignatureSessionOperation') await this.reload(error);
    }
  }

  /** Another tab has signed or cancelled: show what is so, and keep the reason when the session is still open. */
  private async reload(reason: ApiError): Promise<void> {
    try {
      const session = await this.api.load();
      await this.follow(session);
      if (session.status === 'Pending') this.happen({ kind: 'failed', problem: problemOf(reason) });
    } catch (error) {
      this.happen({ kind: 'failed', problem: problemOf(error) });
    }
  }

  /** Of a hundred documents not each is told: to show it takes longer than to check it. */
  private report(phase: 'preparing' | 'checking' | 'signing' | 'sending', done: number, total: number): void {
    const now = performance.now();
    const soon = now - this.reported < REPORT_MS;
    if (done > 0 && done < total && soon) return;
    this.reported = now;
    this.happen({ kind: 'progressed', progress: { phase, done, total } });
  }
}

function bytesOf(item: PreparedItem): ToSign {
  return { id: item.documentId, data: fromBase64(item.toSign), hashAlg: HASHES[item.digestAlgorithm] };
}
