/** What the page does: calls the server, opens keys, signs; each outcome is a happening for `flow.ts`. */
import { type Digested, digestStream, hexOf, requireSameDocument, WrongDocument } from '../digest/check';
import { openDemo } from '../keysource/demo';
import { DerError } from '../keysource/der';
import { type HashAlgorithm, KeyError, type KeySource, type ToSign } from '../keysource/keysource';
import { Api, ApiError } from './api';
import { fromBase64 } from './base64';
import type { Happening, Problem, State, Step } from './flow';
import type { DigestAlgorithm, DocumentView, PreparedItem, SessionView } from './model';

const POLL_MS = 400;
const HASHES: Record<DigestAlgorithm, HashAlgorithm> = { SHA256: 'SHA-256', SHA384: 'SHA-384', SHA512: 'SHA-512' };

export class Controller {
  private readonly api: Api;
  /** Digests of the files that were chosen here, by document. */
  private readonly held = new Map<string, Digested>();
  private uploads = 0;
  private queue: Promise<void> = Promise.resolve();

  constructor(
    link: string,
    private readonly happen: (happening: Happening) => void,
  ) {
    this.api = new Api(link);
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
      this.queue = this.queue.then(() => this.upload(id, file));
    }
  }

  dismiss(id: number): void {
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

  go(step: Step): void {
    this.happen({ kind: 'went', step });
  }

  async openPfx(file: File, password: string): Promise<void> {
    await this.open(async () => (await import('../keysource/pfx')).openPfxFile(file, password));
  }

  async openDemo(name: string): Promise<void> {
    await this.open(() => openDemo(this.api, name));
  }

  choose(certificateId: string): void {
    this.happen({ kind: 'certificateChosen', certificateId });
  }

  async cancel(): Promise<void> {
    await this.attempt(async () => this.happen({ kind: 'loaded', session: await this.api.cancel() }));
  }

  /** Prepare, check each document, sign, finish, follow. The keys are closed whatever comes of it. */
  async sign({ source, certificateId }: State): Promise<void> {
    const certificate = source?.certificates.find(({ id }) => id === certificateId);
    if (source === null || certificate === undefined) return;
    await this.attempt(async () => {
      this.report('preparing', 0, 0);
      const { preparationId, items } = await this.api.prepare(certificate.der, certificate.chain);
      await this.checkAll(items);
      this.report('signing', 0, items.length);
      const signed = await source.sign(certificate.id, items.map(bytesOf), (done) =>
        this.report('signing', done, items.length),
      );
      this.report('sending', items.length, items.length);
      const session = await this.api.finish(preparationId, new Map(signed.map(({ id, value }) => [id, value])));
      source.close();
      await this.follow(session);
    });
  }

  private async upload(id: number, file: File): Promise<void> {
    try {
      const digest = digestStream(file.stream(), 'SHA256');
      const sent = this.api.upload(file, (part) => this.happen({ kind: 'uploadSent', id, sent: part }));
      const [document, digested] = await Promise.all([sent, digest]);
      if (hexOf(digested) !== document.sha256) {
        await this.api.remove(document.id);
        throw new ApiError('DamagedOnTheWay', 'The file arrived changed.');
      }
      this.held.set(document.id, digested);
      this.happen({ kind: 'uploadAccepted', id, document });
    } catch (error) {
      this.happen({ kind: 'uploadRefused', id, problem: problemOf(error) });
      if (error instanceof ApiError && error.code === 'BadSignatureSessionOperation') await this.load();
    }
  }

  private async checkAll(items: readonly PreparedItem[]): Promise<void> {
    for (const [index, item] of items.entries()) {
      this.report('checking', index, items.length);
      requireSameDocument(item, await this.digestOf(item));
    }
  }

  private async digestOf({ documentId, digestAlgorithm }: PreparedItem): Promise<Digested> {
    const held = this.held.get(documentId);
    if (held?.algorithm === digestAlgorithm) return held;
    const fetched = await digestStream(await this.api.original(documentId), digestAlgorithm);
    this.held.set(documentId, fetched);
    return fetched;
  }

  private async follow(session: SessionView): Promise<void> {
    this.happen({ kind: 'loaded', session });
    while (session.status === 'Processing') {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      try {
        session = await this.api.load();
      } catch (error) {
        // The signatures are stored: a pause of the network loses nothing, so keep asking.
        if (!(error instanceof ApiError && error.passing)) throw error;
        continue;
      }
      this.happen({ kind: 'loaded', session });
    }
  }

  private async open(opening: () => Promise<KeySource>): Promise<void> {
    await this.attempt(async () => this.happen({ kind: 'sourceOpened', source: await opening() }));
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

function bytesOf(item: PreparedItem): ToSign {
  return { id: item.documentId, data: fromBase64(item.toSign), hashAlg: HASHES[item.digestAlgorithm] };
}

function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return { code: error.code, message: [error.message, error.detail].join(' ').trim() };
  if (error instanceof KeyError) return { code: `key-${error.code}`, message: error.code };
  if (error instanceof WrongDocument || error instanceof DerError) return { code: 'WrongDocument', message: '' };
  throw error;
}
