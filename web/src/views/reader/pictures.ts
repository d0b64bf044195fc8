/**
 * The pictures of pages that the reader has, and those that it waits for.
 *
 * The server draws one or two pictures of a session at a time. So few are asked for at once, the newest wish first, and
 * a wish that is taken back before its turn costs nothing: whoever scrolls through 2,000 pages asks for those they
 * stop at. A call that is under way is not cut off: the server counts calls that nobody waits for.
 */

/** A picture that can be shown, and its width in pixels. */
export interface Picture {
  readonly address: string;
  readonly width: number;
}

/** What fetches a picture. Rejects with what went wrong. */
export type Fetch = (documentId: string, page: number, width: number) => Promise<Blob>;

interface Wish {
  readonly key: string;
  readonly width: number;
  readonly begin: () => Promise<void>;
}

const AT_ONCE = 2;
/** Pictures that nobody looks at, kept for those who come back. */
const KEPT = 16;

export class Pictures {
  /** Page -> its finest picture; the one that was used last is the last. */
  private readonly pictures = new Map<string, Picture>();
  /** Page -> how many look at it. */
  private readonly looking = new Map<string, number>();
  private readonly wishes: Wish[] = [];
  private readonly coming = new Map<string, Promise<void>>();

  constructor(private readonly fetch: Fetch) {}

  /** The finest picture that is there. */
  of(documentId: string, page: number): Picture | null {
    return this.pictures.get(keyOf(documentId, page)) ?? null;
  }

  /**
   * Look at a page: `come` is called when a picture of at least `width` pixels is there, `fail` when it does not come.
   * Returns what is to be called when nobody looks any more.
   */
  look(documentId: string, page: number, width: number, come: () => void, fail: (error: unknown) => void): () => void {
    const key = keyOf(documentId, page);
    let over = false;
    this.looking.set(key, (this.looking.get(key) ?? 0) + 1);
    const begin = async () => {
      try {
        await this.get(key, documentId, page, width);
        if (!over) come();
      } catch (error) {
        if (!over) fail(error);
      }
    };
    const wish: Wish = { key, width, begin };
    if ((this.pictures.get(key)?.width ?? 0) >= width) come();
    else {
      this.wishes.push(wish);
      this.next();
    }
    return () => {
      over = true;
      const left = (this.looking.get(key) ?? 1) - 1;
      if (left > 0) this.looking.set(key, left);
      else this.looking.delete(key);
      const waiting = this.wishes.indexOf(wish);
      if (waiting >= 0) this.wishes.splice(waiting, 1);
      this.tidy();
    };
  }

  private next(): void {
    while (this.coming.size < AT_ONCE) {
      const wish = this.wishes.pop();
      if (wish === undefined) return;
      void wish.begin();
    }
  }

  private async get(key: string, documentId: string, page: number, width: number): Promise<void> {
    const call = `${key} ${width}`;
    const same = this.coming.get(call);
    if (same !== undefined) return same;
    const coming = this.fetch(documentId, page, width)
      .then((picture) => this.keep(key, { address: URL.createObjectURL(picture), width }))
      .finally(() => {
        this.coming.delete(call);
        this.next();
      });
    this.coming.set(call, coming);
    return coming;
  }

  private keep(key: string, picture: Picture): void {
    const before = this.pictures.get(key);
    const worse = before !== undefined && before.width > picture.width ? picture : before;
    if (worse !== undefined) URL.revokeObjectURL(worse.address);
    if (worse === picture) return;
    this.pictures.delete(key);
    this.pictures.set(key, picture);
    this.tidy();
  }

  private tidy(): void {
    const idle = [...this.pictures].filter(([key]) => !this.looking.has(key));
    for (const [key, { address }] of idle.slice(0, Math.max(0, idle.length - KEPT))) {
      URL.revokeObjectURL(address);
      this.pictures.delete(key);
    }
  }
}

function keyOf(documentId: string, page: number): string {
  return `${documentId} ${page}`;
}
