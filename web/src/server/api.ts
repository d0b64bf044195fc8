/**
 * The page's calls. The link (in the address) opens a short token, which is held in memory only and renewed when it
 * has expired.
 */
import { fromBase64, toBase64 } from '../bytes/base64';
import { framed } from './framing';
import type { DocumentView, Judgement, PagesOfASize, Preparation, Search, SessionView } from './model';

/** A refusal, or a server that does not answer (`code` is then `Network`). */
export class ApiError extends Error {
  override name = 'ApiError';
  constructor(
    readonly code: string,
    message: string,
    readonly detail: string | null = null,
  ) {
    super(message);
  }
}

const BASE = '/sign/api/';
const TOKEN_HEADER = 'X-Signature-Session-Token';
/** The server tells at once how things stand: a proxy that keeps that back would keep everything back. */
const FIRST_EVENT_MS = 5000;
/** The server takes as many certificates in one call. */
const JUDGED_AT_ONCE = 50;
/** A token this near to its end is renewed before an upload, which cannot be repeated as cheaply as a call. */
const MARGIN_MS = 5 * 60_000;

interface TokenView {
  readonly token: string;
  readonly expiresAt: string;
  readonly link: string | null;
  readonly session?: SessionView | null;
}

/** A certificate and the issuers that came with it, each as DER. A key source knows more of it; the server needs no more. */
export interface CertificateWithChain {
  readonly der: Uint8Array;
  readonly chain: readonly Uint8Array[];
}

export class Api {
  private token: string | null = null;
  private expiresAt = 0;
  /** Milliseconds by which the server's clock is ahead of this machine's, which may be wrong. */
  private ahead = 0;

  /**
   * `link`: the last part of the page's address. Where it was the code of a hand-over, `onLink` gets the session's own,
   * which alone is good for another time.
   */
  constructor(
    private link: string,
    private readonly onLink: (link: string) => void,
  ) {}

  /** Milliseconds until `time` by the server's clock. */
  until(time: string): number {
    return Date.parse(time) - Date.now() - this.ahead;
  }

  /** The session. Without a token it comes with one, in one call; an older server gives the token alone. */
  async load(): Promise<SessionView> {
    const session = this.token === null ? await this.renew(true) : null;
    return session ?? this.call('GET', 'load');
  }

  /** The session now and after each change, for a minute at most. */
  async *events(): AsyncGenerator<SessionView> {
    const reader = (await this.stream('events')).pipeThrough(decoder()).getReader();
    try {
      let rest = '';
      for (let part = await firstOf(reader); !part.done; part = await reader.read()) {
        const messages = (rest + part.value).split('\r\n\r\n');
        rest = messages.pop() ?? '';
        for (const message of messages) yield this.sessionOf(message);
      }
    } finally {
      await reader.cancel();
    }
  }

  /** A picture of an address with which another device may go on: PNG. */
  async handOver(): Promise<{ qr: Blob; expiresAt: string }> {
    const { qr, expiresAt } = await this.call<{ qr: string; expiresAt: string }>('POST', 'hand-over');
    return { qr: new Blob([fromBase64(qr)], { type: 'image/png' }), expiresAt };
  }

  remove(documentId: string): Promise<SessionView> {
    return this.call('POST', 'remove', { documentId });
  }

  /** The signer needs more time. */
  extend(): Promise<SessionView> {
    return this.call('POST', 'extend', {});
  }

  cancel(): Promise<SessionView> {
    return this.call('POST', 'cancel', {});
  }

  demoCertificate(publicKey: Uint8Array, name: string): Promise<{ certificate: string; chain: string[] }> {
    return this.call('POST', 'demo-certificate', { publicKey: toBase64(publicKey), name });
  }

  /** Judgements in the order of `certificates`. */
  async judge(certificates: readonly CertificateWithChain[]): Promise<readonly Judgement[]> {
    const judged: Judgement[] = [];
    for (let start = 0; start < certificates.length; start += JUDGED_AT_ONCE) {
      const asked = certificates
        .slice(start, start + JUDGED_AT_ONCE)
        .map(({ der, chain }) => ({ certificate: toBase64(der), chain: chain.map(toBase64) }));
      const answer = await this.call<{ certificates: Judgement[] }>('POST', 'certificates', { certificates: asked });
      judged.push(...answer.certificates);
    }
    return judged;
  }

  prepare(certificate: Uint8Array, chain: readonly Uint8Array[]): Promise<Preparation> {
    return this.call('POST', 'prepare', { certificate: toBase64(certificate), chain: chain.map(toBase64) });
  }

  finish(preparationId: string, values: ReadonlyMap<string, Uint8Array>): Promise<SessionView> {
    const signatures = [...values].map(([documentId, value]) => ({ documentId, value: toBase64(value) }));
    return this.call('POST', 'finish', { preparationId, signatures });
  }

  logo(): Promise<Blob> {
    return this.file('logo');
  }

  /** The bytes of a document that the page does not hold. */
  original(documentId: string): Promise<Blob> {
    return this.file(`original/${documentId}`);
  }

  /** A page of a PDF as a picture, `width` pixels wide; `page` from 0. */
  preview(documentId: string, page: number, width: number): Promise<Blob> {
    return this.file(`preview/${documentId}/${page}?width=${width}`);
  }

  /** The sizes of all pages of a PDF. */
  async sizes(documentId: string): Promise<readonly PagesOfASize[]> {
    return (await this.call<{ pages: PagesOfASize[] }>('GET', `pages/${documentId}`)).pages;
  }

  find(documentId: string, words: string, firstPage: number): Promise<Search> {
    return this.call('POST', 'find', { documentId, words, firstPage });
  }

  /** The words of a page of a PDF; `page` from 0. */
  async text(documentId: string, page: number): Promise<string> {
    return (await this.call<{ text: string }>('GET', `text/${documentId}/${page}`)).text;
  }

  /** The form of an XML document that is signed. */
  canonical(path: string): Promise<Blob> {
    return this.file(`canonical/${path}`);
  }

  /** Send a file; `progress` gets the part sent, 0..1. XMLHttpRequest, since fetch does not report progress. */
  async upload(file: File, key: string, progress: (part: number) => void): Promise<DocumentView> {
    if (this.token === null || Date.now() > this.expiresAt - MARGIN_MS) await this.renew();
    try {
      return await this.put(file, key, progress);
    } catch (error) {
      if (!isExpired(error)) throw error; // this machine's clock may be wrong
      await this.renew();
      return this.put(file, key, progress);
    }
  }

  private put(file: File, key: string, progress: (part: number) => void): Promise<DocumentView> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('PUT', `${BASE}upload`);
      request.setRequestHeader(TOKEN_HEADER, this.token ?? '');
      request.setRequestHeader('Content-Type', 'application/octet-stream');
      request.setRequestHeader('X-File-Name', encodeURIComponent(file.name));
      request.setRequestHeader('Idempotency-Key', key);
      request.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 0);
      request.onerror = () => reject(new ApiError('Network', 'no connection'));
      request.onload = () => {
        const body = parse(request.responseText);
        if (request.status === 200 && body !== null) resolve(body as DocumentView);
        else reject(refusal(body));
      };
      request.send(file);
    });
  }

  private sessionOf(message: string): SessionView {
    const data = message.split('\r\n').find((line) => line.startsWith('data: ')) ?? '';
    const found = parse(data.slice('data: '.length));
    if (found === null) throw refusal(null);
    return found as SessionView;
  }

  private async file(path: string): Promise<Blob> {
    const response = await this.request('GET', path);
    return response.blob().catch(() => {
      throw new ApiError('Network', 'cut answer');
    });
  }

  private async stream(path: string): Promise<ReadableStream<Uint8Array>> {
    const response = await this.request('GET', path);
    if (response.body === null) throw new ApiError('Network', 'empty answer');
    return response.body;
  }

  private async call<T>(method: string, verb: string, body?: unknown): Promise<T> {
    return this.read(await this.request(method, verb, body));
  }

  private async request(method: string, verb: string, body?: unknown): Promise<Response> {
    if (this.token === null) await this.renew();
    try {
      return await this.send(method, verb, body, this.token);
    } catch (error) {
      if (!isExpired(error)) throw error;
      await this.renew();
      return this.send(method, verb, body, this.token);
    }
  }

  private async renew(load?: true): Promise<SessionView | null | undefined> {
    const response = await this.send('POST', 'renew', { link: this.link, load }, null);
    const { token, expiresAt, link, session } = await this.read<TokenView>(response);
    this.token = token;
    this.expiresAt = Date.parse(expiresAt);
    if (link !== null) {
      this.link = link;
      this.onLink(link);
    }
    return session;
  }

  private async send(method: string, verb: string, body: unknown, token: string | null): Promise<Response> {
    const headers: Record<string, string> = framed ? { 'X-Signroom-Framed': '1' } : {};
    if (token !== null) headers[TOKEN_HEADER] = token;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    let response: Response;
    try {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      response = await fetch(BASE + verb, { method, headers, credentials: 'omit', cache: 'no-store', ...sent });
    } catch {
      throw new ApiError('Network', 'no connection');
    }
    this.ahead = Date.parse(response.headers.get('date') ?? '') - Date.now() || 0;
    if (!response.ok) throw refusal(parse(await textOf(response)));
    return response;
  }

  /** The JSON of an answer; a cut one, or a page that a proxy put in its place, counts as none. */
  private async read<T>(response: Response): Promise<T> {
    const body = parse(await textOf(response));
    if (body === null) throw refusal(body);
    return body as T;
  }
}

/** The DOM's types say that it takes any buffers, and streams of ours are of one kind. */
function decoder(): ReadableWritablePair<string, Uint8Array> {
  return new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>;
}

/** The first part of a stream. Raises: ApiError when it does not come soon. */
async function firstOf(reader: ReadableStreamDefaultReader<string>): Promise<ReadableStreamReadResult<string>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new ApiError('Network', 'no event in time')), FIRST_EVENT_MS);
  });
  try {
    return await Promise.race([reader.read(), late]);
  } finally {
    clearTimeout(timer);
  }
}

function textOf(response: Response): Promise<string> {
  return response.text().catch(() => '');
}

function isExpired(error: unknown): boolean {
  return error instanceof ApiError && error.code === 'ExpiredSignatureSessionToken';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refusal(body: unknown): ApiError {
  const found = (body ?? {}) as { code?: string; message?: string; detail?: string | null };
  return new ApiError(found.code ?? 'Network', found.message ?? 'no readable answer', found.detail ?? null);
}
