/**
 * The documents' own bytes: fetched, compared with the fingerprint that the signer is shown, and digested. That begins
 * while the documents are read, so that little is left to do after the click.
 */
import type { Algorithm, Fingerprint } from '../bytes/digests';
import { requireSameDocument } from '../digest/check';
import { contentOf } from '../digest/cms';
import type { Digester } from '../digest/digester';
import { WrongDocument } from '../digest/wrong-document';
import { KeyError } from '../keysource/keysource';
import type { Api } from '../server/api';
import type { DocumentView, PreparedItem } from '../server/model';
import { Lane } from './lane';

/** As many files are fetched at the same moment; the browser keeps room for other calls. */
const AT_ONCE = 4;
/** Files of more bytes count for several: a phone has not the memory for four large ones. */
const LARGE = 4 << 20;
/** Bytes that are fetched before the signer has decided to sign, and kept. */
const AHEAD = 64 << 20;

/** A file that the digester has read. */
export interface Read extends Fingerprint {
  /** Of this read alone: what another one finds never takes its place. */
  readonly name: string;
}

interface Held {
  /** Chosen here, or fetched and kept: it is not fetched for another algorithm. Null: fetched and let go. */
  file: Blob | null;
  readonly algorithm: Algorithm;
  readonly reading: Promise<Read>;
}

export class Originals {
  private readonly held = new Map<string, Held>();
  private readonly lane = new Lane(AT_ONCE);
  private reads = 0;
  private closed = false;

  constructor(
    private readonly api: Pick<Api, 'original'>,
    private readonly digester: Pick<Digester, 'read' | 'followed' | 'close'>,
  ) {}

  /** Read a file that the signer chose. */
  choose(file: File): Promise<Read> {
    return this.digested(file, 'SHA256');
  }

  /** A file that was chosen, and read, is a document now. */
  hold(documentId: string, file: File, read: Read): void {
    this.held.set(documentId, { file, algorithm: 'SHA256', reading: Promise.resolve(read) });
  }

  forget(documentId: string): void {
    this.held.delete(documentId);
  }

  /** Fetch and check these, the first ones first, up to a limit. What fails is tried again when it is needed. */
  ahead(documents: readonly DocumentView[]): void {
    let bytes = 0;
    for (const document of documents) {
      bytes += document.length;
      if (bytes > AHEAD) return;
      this.read(document, 'SHA256', true).catch(() => undefined);
    }
  }

  /** Throws WrongDocument unless `item` is a signature on this document, as it was shown, and on nothing else. */
  async requireSame(document: DocumentView, item: PreparedItem): Promise<void> {
    const further = item.signatureType === 'Cms' && document.signatures > 0;
    const { name, length } = await (further ? this.readContent(document, item) : this.read(document, item.digestAlgorithm));
    await requireSameDocument(item, length, (...tails) => this.digester.followed(name, item.digestAlgorithm, tails));
  }

  /** The document's file, compared. Throws WrongDocument when the server hands out other bytes than those shown. */
  async shown(document: DocumentView): Promise<Blob> {
    await this.arrived(document);
    return this.inLane(document, () => this.whole(document));
  }

  /** The digest of another file of the server. */
  async digestOf(file: Blob, algorithm: Algorithm): Promise<Uint8Array> {
    const { name } = await this.digested(file, algorithm);
    return this.digester.followed(name, algorithm, []);
  }

  /** Nothing is read any more, also of what is on its way: the Worker would begin anew. */
  close(): void {
    this.closed = true;
    this.held.clear();
    this.digester.close();
  }

  /** The document's file, compared with its fingerprint. It is read once, or once more for another algorithm. */
  private async read(document: DocumentView, algorithm: Algorithm, keep = false): Promise<Read> {
    const before = this.held.get(document.id);
    const held = before !== undefined && [before.algorithm, 'SHA256'].includes(algorithm);
    if (before !== undefined && !held) await this.arrived(document);
    // Also what is held: the view of a document may be another one than when it was read.
    return compared(document, await (held ? before.reading : this.readAnew(document, algorithm, keep)));
  }

  /** What is on its way is not asked for once more: it may be kept. */
  private async arrived({ id }: DocumentView): Promise<void> {
    await this.held.get(id)?.reading.catch(() => undefined);
  }

  private readAnew(document: DocumentView, algorithm: Algorithm, keep: boolean): Promise<Read> {
    const file = this.held.get(document.id)?.file ?? null;
    const reading = this.inLane(document, async () => {
      const bytes = file ?? (await this.api.original(document.id));
      if (keep) held.file = bytes;
      return compared(document, await this.digested(bytes, algorithm));
    });
    const held: Held = { file, algorithm, reading };
    this.held.set(document.id, held);
    reading.catch(() => {
      if (this.held.get(document.id) === held) this.held.delete(document.id);
    });
    return reading;
  }

  private async whole(document: DocumentView): Promise<Blob> {
    const { id } = document;
    const file = this.held.get(id)?.file ?? (await this.api.original(id));
    compared(document, await this.digested(file, 'SHA256'));
    return file;
  }

  /** Read what is inside a CMS object that gets one signer more. The length is that of the whole file. */
  private async readContent(document: DocumentView, { digestAlgorithm }: PreparedItem): Promise<Read> {
    await this.arrived(document);
    return this.inLane(document, async () => {
      // A Blob does not change; a file that was changed on this machine cannot be read any more (File API, 4).
      const bytes = await (await this.whole(document)).arrayBuffer();
      const pieces = contentOf(new Uint8Array(bytes)) as Uint8Array<ArrayBuffer>[];
      const { name, sha256 } = await this.digested(new Blob(pieces), digestAlgorithm);
      return { name, sha256, length: bytes.byteLength };
    });
  }

  private inLane<T>({ length }: DocumentView, work: () => Promise<T>): Promise<T> {
    return this.lane.run(work, 1 + Math.floor(length / LARGE));
  }

  private async digested(file: Blob, algorithm: Algorithm): Promise<Read> {
    if (this.closed) throw new KeyError('cancelled');
    const name = `${++this.reads}`;
    return { name, ...(await this.digester.read(name, file, algorithm)) };
  }
}

function compared({ sha256 }: DocumentView, read: Read): Read {
  if (read.sha256 !== sha256) throw new WrongDocument('other bytes than those shown');
  return read;
}
