/**
 * What the page shows of a certificate. No ASN.1 library here, and nothing is validated: the server decides about
 * certificates; these values are for the eyes.
 */
import { childrenOf, DerError, dotted, expect, hex, INTEGER, OID, only, SEQUENCE, SET, type Tlv } from '../../bytes/der';

/** A certificate as a person reads it. */
export interface CertificateSummary {
  /** Common name, else organization, else the whole distinguished name. */
  readonly subject: string;
  /** As `subject`, of the issuer. */
  readonly issuer: string;
  /** Whole distinguished names. */
  readonly subjectName: string;
  readonly issuerName: string;
  /** Hexadecimal. */
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** The parts of a certificate (RFC 5280, 4.1) as views of its bytes; names and key are whole elements. */
export interface CertificateParts {
  /** The content octets of the INTEGER. */
  readonly serial: Uint8Array;
  readonly issuer: Uint8Array;
  readonly validity: Tlv;
  readonly subject: Uint8Array;
  readonly publicKeyInfo: Uint8Array;
}

/** Read a DER certificate for display. Throws DerError. */
export function readCertificate(der: Uint8Array): CertificateSummary {
  const parts = certificateParts(der);
  const [notBefore, notAfter] = childrenOf(parts.validity);
  const [subject, issuer] = [attributesOf(parts.subject), attributesOf(parts.issuer)];
  return {
    subject: displayName(subject),
    issuer: displayName(issuer),
    subjectName: wholeName(subject),
    issuerName: wholeName(issuer),
    serial: hex(parts.serial),
    notBefore: time(notBefore),
    notAfter: time(notAfter),
  };
}

/** The names, the validity and the public key of a DER certificate. Throws DerError. */
export function certificateParts(der: Uint8Array): CertificateParts {
  const fields = childrenOf(expect(childrenOf(only(der, SEQUENCE))[0], SEQUENCE));
  const first = fields[0]?.tag === 0xa0 ? 1 : 0; // [0] version is left out in version 1
  return {
    serial: expect(fields[first], INTEGER).content,
    issuer: expect(fields[first + 2], SEQUENCE).raw,
    validity: expect(fields[first + 3], SEQUENCE),
    subject: expect(fields[first + 4], SEQUENCE).raw,
    publicKeyInfo: expect(fields[first + 5], SEQUENCE).raw,
  };
}

const SHORT_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
};

interface NameAttribute {
  readonly type: string;
  readonly value: string;
}

function attributesOf(name: Uint8Array): NameAttribute[] {
  return childrenOf(only(name, SEQUENCE)).flatMap((rdn) =>
    childrenOf(expect(rdn, SET)).map((attribute) => {
      const [type, value] = childrenOf(expect(attribute, SEQUENCE));
      const oid = dotted(expect(type, OID).content);
      return { type: SHORT_NAMES[oid] ?? oid, value: text(value) };
    }),
  );
}

function displayName(attributes: readonly NameAttribute[]): string {
  // Names run from the country down: the last of a kind is the most particular.
  const last = (type: string) => attributes.filter((each) => each.type === type && each.value).at(-1)?.value;
  return last('CN') ?? last('O') ?? wholeName(attributes);
}

function wholeName(attributes: readonly NameAttribute[]): string {
  return attributes.map(({ type, value }) => `${type}=${value}`).join(', ');
}

function text(element: Tlv | undefined): string {
  if (element === undefined) throw new DerError('a name has no value');
  // Control and bidirectional characters would let a certificate change the look of the text around its name.
  return decode(element).replace(/[\p{Cc}\p{Bidi_C}]/gu, '').trim();
}

function decode({ tag, content }: Tlv): string {
  if (tag === 0x1e) return new TextDecoder('utf-16be').decode(content); // BMPString
  if (tag === 0x14) return new TextDecoder('latin1').decode(content); // TeletexString, in practice Latin-1
  return new TextDecoder().decode(content); // UTF8String, PrintableString, IA5String
}

/** UTCTime or GeneralizedTime in the one form that RFC 5280, 4.1.2.5 allows: to the second, in UTC. */
function time(element: Tlv | undefined): Date {
  const digits = element && /^(?:\d\d)?\d{12}Z$/.exec(new TextDecoder().decode(element.content));
  const short = element?.tag === 0x17;
  if (!digits || digits[0].length !== (short ? 13 : 15)) throw new DerError('not a time');
  const century = short ? (digits[0] < '5' ? '20' : '19') : ''; // 4.1.2.5.1: 50..99 are 1950..1999
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(century + digits[0]) ?? [];
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(date.getTime())) throw new DerError('not a time');
  return date;
}
