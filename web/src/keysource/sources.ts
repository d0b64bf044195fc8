/** Every key source. Together they are a part of the page that is loaded when the signer is asked how to sign. */
import type { Api } from '../server/api';
import type { SessionView } from '../server/model';
import {
  type Availability,
  KeyError,
  type KeyErrorCode,
  type KeySource,
  type Obstacle,
  type Place,
  type SourceKind,
} from './keysource';

const parts = () => import('./parts');
const SOURCES = {
  pfx: async () => (await parts()).pfx,
  'web-eid': async () => (await parts()).webEid,
  'web-pki': async () => (await parts()).webPki,
  demo: async () => (await parts()).demo,
};

/** What a signer gives to open a source. */
export type Opening =
  | { readonly kind: 'pfx'; readonly file: File; readonly password: string }
  | { readonly kind: 'web-eid' | 'web-pki' }
  | { readonly kind: 'demo'; readonly name: string };

/** The sources that the server offers, in its order; one that this page does not know is passed over. */
export function offered({ keySources }: SessionView): SourceKind[] {
  return keySources.filter((kind): kind is SourceKind => kind in SOURCES);
}

/** Whether a source can be used here; asks the signer nothing. Never throws. */
export async function available(kind: SourceKind, session: SessionView): Promise<Availability> {
  try {
    const source = await SOURCES[kind]();
    return await source.available(placeOf(session));
  } catch (error) {
    return { usable: false, reason: error instanceof KeyError ? obstacleOf(error.code) : 'not-loaded' };
  }
}

/**
 * What the answers of all sources come to, when none can be used: each says what it needs (`none`), or nothing is known of
 * any, as the part of the page that they are in did not load (`not-loaded`). Null: there is one, or not all have answered.
 */
export function dead(kinds: readonly SourceKind[], answers: Partial<Record<SourceKind, Availability>>): 'none' | 'not-loaded' | null {
  const reasons = kinds.map((kind) => {
    const answer = answers[kind];
    return answer?.usable === false && answer.reason;
  });
  if (reasons.includes(false)) return null;
  return reasons.length > 0 && reasons.every((reason) => reason === 'not-loaded') ? 'not-loaded' : 'none';
}

/** What does not answer may as well not be there. */
function obstacleOf(code: KeyErrorCode): Obstacle {
  const told: readonly Obstacle[] = ['insecure', 'outdated', 'unsupported', 'unlicensed', 'not-loaded'];
  return told.find((obstacle) => obstacle === code) ?? 'not-installed';
}

/** Throws ApiError, KeyError. */
export async function open(opening: Opening, session: SessionView, api: Api): Promise<KeySource> {
  switch (opening.kind) {
    case 'pfx':
      return (await loaded(SOURCES.pfx)).open(opening.file, opening.password);
    case 'demo':
      return (await loaded(SOURCES.demo)).open(api, opening.name);
    default:
      return (await loaded(SOURCES[opening.kind])).open(placeOf(session));
  }
}

/** A part of the page. Throws KeyError: not-loaded. */
export async function loaded<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch {
    throw new KeyError('not-loaded');
  }
}

function placeOf({ keySourceConfig: { cryptoDevice, webPki } }: SessionView): Place {
  return {
    secure: globalThis.crypto?.subtle !== undefined,
    framed: window.top !== window,
    mobile: /Android|iPhone|iPad|Mobile/.test(navigator.userAgent),
    deviceRequired: cryptoDevice,
    webPkiLicense: webPki?.license ?? null,
  };
}
