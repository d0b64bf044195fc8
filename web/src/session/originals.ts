/**
 * The documents' own bytes: fetched, compared with the fingerprint that the signer is shown, and digested. That begins
 * while the documents are read, so that little is left to do after the click.
 */
import type { Algorithm, Fingerprint } from '../bytes/digests';
import { requireSameDocument } from '../digest/check';
import { contentOf } from '../digest/cms';
import type { Digester } from '../digest/digester';
import { WrongDocument } from '../digest/wrong-document';
import type { Api } from '../server/api';
import type { DocumentView, PreparedItem } from '../server/model';
import { Lane } from './lane';

/** As many files are fetched at the same moment; the browser keeps room for other calls. */
const AT_ONCE = 4;
/** Files of more bytes count for several: a phone has not the memory for four large ones. */
const LARGE = 4 << 20;
/** Bytes that are fetched before the signer has decided to sign. */
const AHEAD = 64 << 20;

interface Held {
  /** Of the file, at the digester. */
  readonly name: string;
  /** Null: not chosen here, but fetched and let go. */
  readonly file: Blob | null;
  readonly algorithm: Algorithm;
  readonly reading: Promise<Fingerprint>;
}

export class Originals {
  private readonly held = new Map<string, Held>();
  private readonly lane = new Lane(AT_ONCE);

  constructor(
    private readonly api: Pick<Api, 'original'>,
    private readonly digester: Pick<Digester, 'read' | 'followed' | 'close'>,
  ) {}

  /** Read a file that the signer chose. `name` is the caller's own for it. */
  choose(name: string, file: File): Promise<Fingerprint> {
    return this.digester.read(name, file, 'SHA256');
  }

  /** The file that was read under `name` is a document now. */
  hold(documentId: string, name: string, file: File, fingerprint: Fingerprint): void {
    this.held.set(documentId, { name, file, algorithm: 'SHA256', reading: Promise.resolve(fingerprint) });
  }

  forget(documentId: string): void {
    this.held.delete(documentId);
  }

  /** Fetch and check these, the first ones first, up to a limit. What fails is tried again when it is needed. */
  ahead(documents: readonly DocumentView[]): void {
    let bytes = 0;
    for (const document of documents) {
      if (isParsed(document)) continue;
      bytes += document.length;
      if (bytes > AHEAD) return;
      this.read(document, 'SHA256').catch(() => undefined);
    }
  }

  /** Throws WrongDocument unless `item` is a signature on this document, as it was shown, and on nothing else. */
  async requireSame(document: DocumentView, item: PreparedItem): Promise<void> {
    const { id } = document;
    const further = item.signatureType === 'Cms' && document.signatures > 0;
    const length = further
      ? await this.readContent(document, item)
      : (await this.read(document, item.digestAlgorithm)).length;
    const name = further ? contentName(id) : (this.held.get(id)?.name ?? id);
    await requireSameDocument(item, length, (...tails) => this.digester.followed(name, item.digestAlgorithm, tails));
  }

  /** The document's file, compared. Throws WrongDocument when the server hands out other bytes than those shown. */
  shown(document: DocumentView): Promise<Blob> {
    return this.inLane(document, () => this.whole(document));
  }

  /** The digest of another file of the server. */
  async digestOf(name: string, file: Blob, algorithm: Algorithm): Promise<Uint8Array> {
    await this.digester.read(name, file, algorithm);
    return this.digester.followed(name, algorithm, []);
  }

  close(): void {
    this.held.clear();
    this.digester.close();
  }

  /** The document's file, compared with its fingerprint. It is read once, or once more for another algorithm. */
  private read(document: DocumentView, algorithm: Algorithm): Promise<Fingerprint> {
    const before = this.held.get(document.id);
    if (before !== undefined && [before.algorithm, 'SHA256'].includes(algorithm)) return before.reading;
    const { name, file } = before ?? { name: document.id, file: null };
    const reading = this.inLane(document, async () => this.compared(document, name, file ?? (await this.api.original(document.id)), algorithm));
    const held: Held = { name, file, algorithm, reading };
    this.held.set(document.id, held);
    reading.catch(() => {
      if (this.held.get(document.id) === held) this.held.delete(document.id);
    });
    return reading;
  }

  private async whole(document: DocumentView): Promise<Blob> {
    const { id } = document;
    const file = this.held.get(id)?.file ?? (await this.api.original(id));
    await this.compared(document, `${id} whole`, file, 'SHA256');
    return file;
  }

  /** Read what is inside a CMS object that gets one signer more. Returns the length of the whole file in bytes. */
  private readContent(document: DocumentView, { digestAlgorithm }: PreparedItem): Promise<number> {
    const { id } = document;
    return this.inLane(document, async () => {
      // A Blob does not change; a file that was changed on this machine cannot be read any more (File API, 4).
      const bytes = await (await this.whole(document)).arrayBuffer();
      const pieces = contentOf(new Uint8Array(bytes)) as Uint8Array<ArrayBuffer>[];
      await this.digester.read(contentName(id), new Blob(pieces), digestAlgorithm);
      return bytes.byteLength;
    });
  }

  private inLane<T>({ length }: DocumentView, work: () => Promise<T>): Promise<T> {
    return this.lane.run(work, 1 + Math.floor(length / LARGE));
  }

  private async compared({ sha256 }: DocumentView, name: string, file: Blob, algorithm: Algorithm): Promise<Fingerprint> {
    const found = await this.digester.read(name, file, algorithm);
    if (found.sha256 !== sha256) throw new WrongDocument('other bytes than those shown');
    return found;
  }
}

/** True for a file that is fetched whole for its signature, whether it was read before or not: XML, or CMS inside. */
function isParsed({ pages, signatures, contentType }: DocumentView): boolean {
  return pages === 0 && (signatures > 0 || contentType.endsWith('xml'));
}

function contentName(documentId: string): string {
  return `${documentId} content`;
}
