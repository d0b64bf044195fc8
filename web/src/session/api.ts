/**
 * The page's calls. The link (in the address) opens a short token, which is held in memory only and renewed when it
 * has expired.
 */
import type { CertInfo } from '../keysource/keysource';
import { toBase64 } from './base64';
import type { DocumentView, Judgement, Preparation, SessionView } from './model';

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
/** The server takes as many certificates in one call. */
const JUDGED_AT_ONCE = 50;
/** A token this near to its end is renewed before an upload, which cannot be repeated as cheaply as a call. */
const MARGIN_MS = 5 * 60_000;

export class Api {
  private token: string | null = null;
  private expiresAt = 0;

  /** `link`: the last part of the page's address. */
  constructor(private readonly link: string) {}

  load(): Promise<SessionView> {
    return this.call('GET', 'load');
  }

  remove(documentId: string): Promise<SessionView> {
    return this.call('POST', 'remove', { documentId });
  }

  cancel(): Promise<SessionView> {
    return this.call('POST', 'cancel', {});
  }

  demoCertificate(publicKey: Uint8Array, name: string): Promise<{ certificate: string; chain: string[] }> {
    return this.call('POST', 'demo-certificate', { publicKey: toBase64(publicKey), name });
  }

  /** Judgements in the order of `certificates`. */
  async judge(certificates: readonly CertInfo[]): Promise<readonly Judgement[]> {
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

  /** The bytes of a document that the page does not hold. */
  original(documentId: string): Promise<ReadableStream<Uint8Array>> {
    return this.stream(`original/${documentId}`);
  }

  /** The form of an XML document that is signed. */
  canonical(path: string): Promise<ReadableStream<Uint8Array>> {
    return this.stream(`canonical/${path}`);
  }

  /** An XML file of the server as a tree. XMLHttpRequest: a parser that takes text is closed by Trusted Types. */
  async tree(path: string): Promise<Document | null> {
    if (this.token === null) await this.renew();
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('GET', BASE + path);
      request.setRequestHeader(TOKEN_HEADER, this.token ?? '');
      request.overrideMimeType('application/xml');
      request.responseType = 'document';
      request.onerror = () => reject(new ApiError('Network', 'no connection'));
      request.onload = () => resolve(request.status === 200 ? request.responseXML : null);
      request.send();
    });
  }

  /** Send a file; `progress` gets the part sent, 0..1. XMLHttpRequest, since fetch does not report progress. */
  async upload(file: File, progress: (part: number) => void): Promise<DocumentView> {
    if (this.token === null || Date.now() > this.expiresAt - MARGIN_MS) await this.renew();
    try {
      return await this.put(file, progress);
    } catch (error) {
      if (!isExpired(error)) throw error; // this machine's clock may be wrong
      await this.renew();
      return this.put(file, progress);
    }
  }

  private put(file: File, progress: (part: number) => void): Promise<DocumentView> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('PUT', `${BASE}upload`);
      request.setRequestHeader(TOKEN_HEADER, this.token ?? '');
      request.setRequestHeader('Content-Type', 'application/octet-stream');
      request.setRequestHeader('X-File-Name', encodeURIComponent(file.name));
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

  private async renew(): Promise<void> {
    const response = await this.send('POST', 'renew', { link: this.link }, null);
    const { token, expiresAt } = await this.read<{ token: string; expiresAt: string }>(response);
    this.token = token;
    this.expiresAt = Date.parse(expiresAt);
  }

  private async send(method: string, verb: string, body: unknown, token: string | null): Promise<Response> {
    const headers: Record<string, string> = {};
    if (token !== null) headers[TOKEN_HEADER] = token;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    let response: Response;
    try {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      response = await fetch(BASE + verb, { method, headers, credentials: 'omit', cache: 'no-store', ...sent });
    } catch {
      throw new ApiError('Network', 'no connection');
    }
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
