/** What the page and the Worker that holds the keys say to each other. */
import type { PfxErrorCode } from './pfx/errors';
import type { ToSign } from './keysource';

export type ToWorker =
  | { readonly kind: 'open'; readonly file: Uint8Array; readonly password: string }
  | { readonly kind: 'sign'; readonly identity: number; readonly items: readonly ToSign[] };

export type FromWorker =
  | {
      readonly kind: 'opened';
      readonly identities: readonly { readonly certificate: Uint8Array; readonly chain: readonly Uint8Array[] }[];
    }
  | { readonly kind: 'signed'; readonly id: string; readonly value: Uint8Array }
  | { readonly kind: 'done' }
  | { readonly kind: 'error'; readonly code: PfxErrorCode | 'not-loaded' };
