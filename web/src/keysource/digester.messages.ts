/** What the page and the Worker that digests files say to each other. `call` says which answer belongs to what. */
import type { Algorithm, Fingerprint } from '../bytes/digests';

export type ToDigester =
  | { readonly kind: 'read'; readonly call: number; readonly name: string; readonly file: Blob; readonly algorithm: Algorithm }
  | {
      readonly kind: 'followed';
      readonly call: number;
      readonly name: string;
      readonly algorithm: Algorithm;
      readonly tails: readonly Uint8Array[];
    };

export type FromDigester =
  | { readonly call: number; readonly value: Fingerprint | Uint8Array }
  | { readonly call: number; readonly error: { readonly name: string; readonly text: string } };
