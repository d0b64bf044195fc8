/** What the page does: calls the server, opens keys, signs; each outcome is a happening for `flow.ts`. */
import { fromBase64, toBase64 } from '../bytes/base64';
import type { Digested } from '../digest/check';
import type { HashAlgorithm, KeySource, ToSign } from '../keysource/keysource';
import { loaded, type Opening, open } from '../keysource/sources';
import { Api, ApiError } from '../server/api';
import { type DigestAlgorithm, type DocumentView, type PreparedItem, type SessionView, waits } from '../server/model';
import type { Listed } from './certificates';
import { type Happening, type State, type Step, sameRefused, toSign } from './flow';
import { type Problem, passing, problemOf } from './problem';

const FIRST_POLL_MS = 400;
const LONGEST_POLL_MS = 3000;
const HASHES: Record<DigestAlgorithm, HashAlgorithm> = { SHA256: 'SHA-256', SHA384: 'SHA-384', SHA512: 'SHA-512' };

export type PageCalls = Pick<Api, 'preview' | 'sizes' | 'text' | 'find'>;

/** Throws KeyError: not-loaded. */
const later = () => loaded(() => import('./later'));

/** A document's bytes as this page knows them; `file` when they were chosen here. */
interface Held {
  readonly file: File | null;
  readonly digested: Digested;
}

export class Controller {
  private readonly api: Api;
  private readonly held = new Map<string, Held>();
  private source: KeySource | null = null;
  /** Files on their way or refused, by upload. */
  private readonly files = new Map<number, { readonly file: File; readonly key: string }>();
  private uploads = 0;
  /** Another device goes on. */
  private elsewhere = false;
  private queue: Promise<void> = Promise.resolve();

  constructor(
    link: string,
    private readonly happen: (happening: Happening) => void,
  ) {
    // The code in the address works once; the link in its place works after a reload, too.
    this.api = new Api(link, (own) => history.replaceState(null, '', `/sign/${own}${location.search}`));
  }

  /** Ask where the session stands, and follow it while it is being processed. */
  async load(): Promise<void> {
    await this.attempt(async () => this.follow(await this.api.load()));
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
      this.held.delete(documentId);
    });
  }

  /** Give the signer the file as it is, as a download: uploads never run as a page of this origin. */
  async show(document: DocumentView): Promise<void> {
    await this.attempt(async () => {
      const bytes = await new Response(await this.api.original(document.id)).blob();
      const address = URL.createObjectURL(bytes);
      const anchor = Object.assign(globalThis.document.createElement('a'), { href: address, download: document.name });
      anchor.click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
      this.happen({ kind: 'rested' });
    });
  }

  /** Let another device go on, and follow what happens there. */
  async handOver(): Promise<void> {
    await this.attempt(async () => {
      this.happen({ kind: 'handedOver', picture: URL.createObjectURL(await this.api.handOver()) });
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
      const { digestStream, hexOf } = await later();
      const [digest, sent] = await Promise.allSettled([
        digestStream(file.stream(), 'SHA256'),
        this.api.upload(file, key, (part) => this.happen({ kind: 'uploadSent', id, sent: part })),
      ]);
      const same =
        digest.status === 'fulfilled' && sent.status === 'fulfilled' && hexOf(digest.value) === sent.value.sha256;
      if (sent.status === 'fulfilled' && !same) await this.api.remove(sent.value.id);
      // The page's own error says more: a file that cannot be read fails to be sent, too.
      if (digest.status === 'rejected') throw digest.reason;
      if (sent.status === 'rejected') throw sent.reason;
      if (!same) throw new ApiError('DamagedOnTheWay', 'The file arrived changed.');
      this.held.set(sent.value.id, { file, digested: digest.value });
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
    const { pairUp, requireSameDocument } = await later();
    const pairs = pairUp(items, consented);
    if (pairs === null) {
      throw new ApiError('BadSignatureSessionOperation', 'The documents are not those of the consent.');
    }
    for (const [index, [item, document]] of pairs.entries()) {
      this.report('checking', index, pairs.length);
      const further = item.signatureType === 'Cms' && document.signatures > 0;
      const original = await (further ? this.contentOf(document, item) : this.digestOf(document, item.digestAlgorithm));
      if (item.signatureType === 'Xml') await this.checkXml(preparationId, item);
      else requireSameDocument(item, original);
    }
  }

  /** The original's bytes were compared with the fingerprint before. */
  private async checkXml(preparationId: string, item: PreparedItem): Promise<void> {
    const { digestStream, requireSameXml } = await later();
    const path = `${preparationId}/${item.documentId}`;
    const canonical = await digestStream(await this.api.canonical(path), item.digestAlgorithm);
    const [shown, signed] = await Promise.all([
      this.api.tree(`original/${item.documentId}`),
      this.api.tree(`canonical/${path}`),
    ]);
    requireSameXml(item, canonical, shown, signed);
  }

  /** What is inside a CMS object that gets one signer more. Its file is the one that was shown. */
  private async contentOf({ id, sha256 }: DocumentView, { digestAlgorithm }: PreparedItem): Promise<Digested> {
    const { contentOf, digestShown, digestStream } = await later();
    const file = this.held.get(id)?.file ?? (await new Response(await this.api.original(id)).blob());
    const bytes = new Uint8Array(await file.arrayBuffer());
    const { length } = await digestShown(streamOf(bytes), 'SHA256', sha256);
    return { ...(await digestStream(streamOf(...contentOf(bytes)), digestAlgorithm)), length };
  }

  private async digestOf({ id, sha256 }: DocumentView, algorithm: DigestAlgorithm): Promise<Digested> {
    const held = this.held.get(id);
    if (held?.digested.algorithm === algorithm) return held.digested;
    const file = held?.file ?? null;
    const { digestShown } = await later();
    const digested = await digestShown(file?.stream() ?? (await this.api.original(id)), algorithm, sha256);
    this.held.set(id, { file, digested });
    return digested;
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
    if (session.status !== 'Pending') this.take(null);
  }

  private take(source: KeySource | null): void {
    this.source?.close();
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

  private report(phase: 'preparing' | 'checking' | 'signing' | 'sending', done: number, total: number): void {
    this.happen({ kind: 'progressed', progress: { phase, done, total } });
  }
}

function streamOf(...pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new Blob(pieces as Uint8Array<ArrayBuffer>[]).stream();
}

function bytesOf(item: PreparedItem): ToSign {
  return { id: item.documentId, data: fromBase64(item.toSign), hashAlg: HASHES[item.digestAlgorithm] };
}
