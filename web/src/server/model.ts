/** What the server says (`docs/page-api.md`). */

export type SessionStatus = 'Pending' | 'Processing' | 'Completed' | 'UserCancelled' | 'Expired' | 'ProcessingError';
export type DocumentStatus = 'PendingSignature' | 'Processing' | 'Completed' | 'ProcessingError';
export type DigestAlgorithm = 'SHA256' | 'SHA384' | 'SHA512';

export interface SignedFile {
  readonly name: string;
  readonly length: number;
  readonly location: string;
}

/** What pre-flight found in a file that can be signed (`docs/preflight.md`). */
export interface Finding {
  readonly code: string;
  /** `but`: to be looked at before signing. */
  readonly level: 'note' | 'but';
  /** Text out of the file. */
  readonly facts: Readonly<Record<string, string>>;
}

export interface DocumentView {
  readonly id: string;
  readonly name: string;
  /** The document key, as people write it down. */
  readonly formattedKey: string;
  readonly contentType: string;
  /** Bytes. */
  readonly length: number;
  /** Hexadecimal, lower case. */
  readonly sha256: string;
  readonly pages: number;
  /** Signatures that were in the file before. */
  readonly signatures: number;
  readonly findings: readonly Finding[];
  readonly status: DocumentStatus;
  readonly processingErrorCode: string | null;
  readonly processingErrorDetail: string | null;
  /** It could not be prepared: signing again does not help. */
  readonly leftOut: boolean;
  /** Something is still to be added to the signed file, a timestamp for example. */
  readonly awaitsLevel: boolean;
  readonly signedFile: SignedFile | null;
}

/** So many pages that follow each other, the width and the height of each in points. */
export type PagesOfASize = readonly [count: number, width: number, height: number];

/** Words that were found on a page. Areas: left, top, width, height, in parts of the page's width and height. */
export interface Hit {
  readonly page: number;
  readonly areas: readonly (readonly [number, number, number, number])[];
}

export interface Search {
  readonly hits: readonly Hit[];
  /** Where the next call goes on; null when all was searched. */
  readonly nextPage: number | null;
}

/** What the subscription has changed about the page. Colours are `#rrggbb`. */
export interface Branding {
  readonly name: string | null;
  readonly hasLogo: boolean;
  readonly accent: string | null;
  readonly accentDark: string | null;
}

/** What the sources have to know of the session and of the installation. */
export interface KeySourceConfig {
  /** The application asks for a key in hardware. */
  readonly cryptoDevice: boolean;
  /** Null where the operator has no copy of Web PKI. */
  readonly webPki: { readonly license: string | null } | null;
}

/** What the application requires of the certificate; the argument is masked. */
export interface Requirement {
  readonly type:
    | 'Cpf'
    | 'Cnpj'
    | 'CodiceFiscale'
    | 'CryptoDevice'
    | 'Issuer'
    | 'Nif'
    | 'Person'
    | 'Policy'
    | 'Qualified'
    | 'QualifiedDevice';
  readonly argument: string | null;
}

/** Whether a certificate may sign here, and the code of the reason when it may not. */
export interface Judgement {
  readonly usable: boolean;
  readonly code: string | null;
  readonly detail: string | null;
  /** It certifies others (CA:TRUE). */
  readonly ofAuthority: boolean;
  /** The holder's, as people write it; null for what cannot be read. */
  readonly name: string | null;
  /** The authority that has confirmed who the holder is; null: nobody whom the session trusts. */
  readonly confirmedBy: string | null;
}

/** Who has signed, as the server has judged it. */
export interface SignerView {
  readonly name: string;
  readonly issuedBy: string;
  /** As in `Judgement`. */
  readonly confirmedBy: string | null;
  readonly signedAt: string | null;
}

export interface SessionView {
  readonly status: SessionStatus;
  readonly applicationName: string;
  readonly predefined: boolean;
  readonly disableDownloads: boolean;
  /** The signer leaves as soon as his signatures are stored. */
  readonly background: boolean;
  readonly expiresAt: string;
  /** More time can be asked for. */
  readonly extensible: boolean;
  readonly returnUrl: string | null;
  readonly processingErrorCode: string | null;
  readonly maxFile: number;
  readonly maxDocuments: number;
  /** The server's guess that files of other types are not accepted: for words, never to hide a file. */
  readonly pdfOnly: boolean;
  readonly keySources: readonly string[];
  /** False: nobody confirms who a signer is, every issuer is accepted. */
  readonly identityConfirmed: boolean;
  /** All signed files in one archive; null where there are not several, or none may be downloaded. */
  readonly signedFiles: string | null;
  /** Another device may go on. */
  readonly handOver: boolean;
  readonly branding: Branding | null;
  readonly keySourceConfig: KeySourceConfig;
  readonly requirements: readonly Requirement[];
  /** Null until the signatures are stored, and once the session's time is over. */
  readonly signer: SignerView | null;
  readonly documents: readonly DocumentView[];
}

export type SignatureType = 'Pdf' | 'Cms' | 'Xml';

export interface PreparedItem {
  readonly documentId: string;
  readonly signatureType: SignatureType;
  /** Base64, exactly the bytes to be signed: DER of the signed attributes; of XML the canonical SignedInfo. */
  readonly toSign: string;
  readonly digestAlgorithm: DigestAlgorithm;
  readonly originalLength: number;
  readonly tailBefore: string;
  readonly tailAfter: string;
}

/** A document that cannot be signed, although it was accepted. */
export interface Refused {
  readonly documentId: string;
  readonly code: string;
  readonly message: string;
  readonly detail: string | null;
}

export interface Preparation {
  readonly preparationId: string;
  readonly items: readonly PreparedItem[];
  /** The others can be signed without them. */
  readonly refused: readonly Refused[];
}

/** True while the signer has to wait for his documents. */
export function waits({ status, background }: SessionView): boolean {
  return status === 'Processing' && !background;
}

/** True for a document that a signer may sign: for the first time, or again after an error. */
export function awaitsSignature(document: DocumentView): boolean {
  return document.status === 'PendingSignature' || document.status === 'ProcessingError';
}
