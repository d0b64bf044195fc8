/** A source's certificates as the page lists them: what they say of themselves, and what the server says of them. */
import { DerError, hex } from '../bytes/der';
import type { CertInfo } from '../keysource/keysource';
import { type CertificateSummary, readCertificate } from '../keysource/pfx/certificate';
import type { Judgement } from '../server/model';

export interface Listed {
  readonly info: CertInfo;
  /** Null for a certificate that cannot be shown: whether it can be used, the server says. */
  readonly summary: CertificateSummary | null;
  /** SHA-256 in hexadecimal. */
  readonly thumbprint: string;
  readonly judgement: Judgement;
}

/** `certificates` with their judgements, in the same order; best first: usable, then the one that is valid longest. */
export async function ranked(certificates: readonly CertInfo[], judgements: readonly Judgement[]): Promise<readonly Listed[]> {
  const listed = await Promise.all(
    certificates.map(async (info, index) => ({
      info,
      summary: summaryOf(info.der),
      thumbprint: hex(new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(info.der)))),
      judgement: judgements[index] ?? UNJUDGED,
    })),
  );
  return listed
    .sort((one, other) => Number(other.judgement.usable) - Number(one.judgement.usable) || end(other) - end(one));
}

const UNJUDGED: Judgement = {
  usable: false,
  code: 'CertificateRejected',
  detail: null,
  ofAuthority: false,
  name: null,
  confirmedBy: null,
};

function end({ summary }: Listed): number {
  return summary?.notAfter.getTime() ?? 0;
}

function summaryOf(der: Uint8Array): CertificateSummary | null {
  try {
    return readCertificate(der);
  } catch (error) {
    if (error instanceof DerError) return null;
    throw error;
  }
}
