import { createHash } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { toBase64 } from '../bytes/base64';
import { encode, OCTET_STRING, OID, SEQUENCE, SET } from '../bytes/der';
import { Digests } from '../bytes/digests';
import { WrongDocument } from '../digest/wrong-document';
import { KeyError } from '../keysource/keysource';
import type { DigestAlgorithm, DocumentView, PreparedItem } from '../server/model';
import { Originals } from './originals';

const MESSAGE_DIGEST = new Uint8Array([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04]);
const hash = (algorithm: string, bytes: string) => createHash(algorithm).update(bytes).digest();

function document(id: string, content = `the bytes of ${id}`, length = content.length): DocumentView {
  const sha256 = hash('SHA256', content).toString('hex');
  return { id, sha256, length, pages: 1, signatures: 0, contentType: 'application/pdf' } as DocumentView;
}

function item(id: string, algorithm: DigestAlgorithm = 'SHA256', content = `the bytes of ${id}`): PreparedItem {
  const value = encode(OCTET_STRING, hash(algorithm, content));
  return {
    documentId: id,
    signatureType: 'Pdf',
    toSign: toBase64(encode(SET, encode(SEQUENCE, encode(OID, MESSAGE_DIGEST), encode(SET, value)))),
    digestAlgorithm: algorithm,
    originalLength: content.length,
    tailBefore: '',
    tailAfter: '',
  };
}

/** A server that hands out each document's bytes, and says how often, and how many at most at the same moment. */
function server(changed: Readonly<Record<string, string>> = {}) {
  const digests = new Digests();
  const digester = {
    read: (...asked: Parameters<Digests['read']>) => {
      seen.read++;
      return digests.read(...asked);
    },
    followed: async (...asked: Parameters<Digests['followed']>) => digests.followed(...asked),
    close: () => undefined,
  };
  const seen = { read: 0, fetched: [] as string[], now: 0, most: 0, fails: new Set<string>(), gate: null as Promise<void> | null };
  const original = async (id: string) => {
    seen.fetched.push(id);
    seen.most = Math.max(seen.most, ++seen.now);
    await new Promise((resolve) => setTimeout(resolve));
    const { gate } = seen;
    seen.gate = null;
    await gate;
    seen.now--;
    if (seen.fails.delete(id)) throw new TypeError('cut');
    return new Blob([changed[id] ?? `the bytes of ${id}`]);
  };
  return { seen, originals: new Originals({ original }, digester) };
}

describe('the originals', () => {
  test('that arrive after the end are not read', async () => {
    const { seen, originals } = server();
    let arrive = () => {};
    seen.gate = new Promise((resolve) => {
      arrive = resolve;
    });
    const reading = originals.requireSame(document('late'), item('late'));
    await vi.waitFor(() => expect(seen.gate).toBeNull(), 30_000);

    originals.close();
    arrive();

    await expect(reading).rejects.toThrow(KeyError);
    expect(seen.read).toBe(0);
  });

  const many = Array.from({ length: 20 }, (_, index) => document(`d${index}`));

  test('are fetched ahead, a few at a time, and not again for the signature', async () => {
    const { seen, originals } = server();
    originals.ahead(many);
    originals.ahead(many);
    await Promise.all(many.map((each) => originals.requireSame(each, item(each.id))));
    expect(seen.fetched).toEqual(many.map(({ id }) => id));
    expect(seen.most).toBe(4);
  });

  test('are not fetched ahead beyond a limit', async () => {
    const { seen, originals } = server();
    originals.ahead([document('a'), document('b', 'the bytes of b', 65 << 20), document('c')]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(seen.fetched).toEqual(['a']);
  });

  test('that are parsed for the signature are not fetched again, either', async () => {
    const { seen, originals } = server();
    const xml = { ...document('b'), pages: 0, contentType: 'text/xml' };
    originals.ahead([xml]);
    await originals.shown(xml);
    await originals.shown(xml);
    expect(seen.fetched).toEqual(['b']);
  });

  test('of many bytes are fetched one after the other, also for the content of CMS', async () => {
    const { seen, originals } = server();
    const large = (id: string) => ({ ...document(id, undefined, 13 << 20), pages: 0, signatures: 1 });
    const further = (id: string): PreparedItem => ({ ...item(id), signatureType: 'Cms' });
    const ids = ['a', 'b', 'c', 'd'];
    // The files of this server are no CMS: each is refused after it was fetched and compared.
    await Promise.allSettled(ids.map((id) => originals.requireSame(large(id), further(id))));
    expect(seen).toMatchObject({ fetched: ids, most: 1 });
    await Promise.allSettled(['e', 'f', 'g', 'h', 'i'].map((id) => originals.requireSame({ ...large(id), length: 9 }, further(id))));
    expect(seen.most).toBe(4);
  });

  test('that did not come ahead are fetched once more when they are needed', async () => {
    const { seen, originals } = server();
    seen.fails.add('a');
    originals.ahead([document('a')]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await originals.requireSame(document('a'), item('a'));
    expect(seen.fetched).toEqual(['a', 'a']);
  });

  test('that are not those shown are refused, however often one tries', async () => {
    const { originals } = server({ a: 'something else' });
    for (let times = 0; times < 2; times++) {
      await expect(originals.requireSame(document('a'), item('a', 'SHA256', 'something else'))).rejects.toThrow(WrongDocument);
    }
  });

  test('are handed out when they are those shown', async () => {
    const { seen, originals } = server({ b: 'something else' });
    expect(await (await originals.shown(document('a'))).text()).toBe('the bytes of a');
    await expect(originals.shown(document('b'))).rejects.toThrow(WrongDocument);
    const file = new File(['the bytes of c'], 'c.txt');
    originals.hold('c', file, await originals.choose(file));
    expect(await originals.shown(document('c'))).toBe(file);
    expect(seen.fetched).toEqual(['a', 'b']);
  });

  test('are digested once more for another algorithm, and not fetched again', async () => {
    const { seen, originals } = server();
    originals.ahead([document('a')]);
    await originals.requireSame(document('a'), item('a', 'SHA384'));
    await originals.requireSame(document('a'), item('a', 'SHA256'));
    await originals.requireSame(document('a'), item('a', 'SHA384'));
    expect(seen).toMatchObject({ fetched: ['a'], read: 2 });
  });

  test('that are not those shown are fetched again, and are not kept', async () => {
    const { seen, originals } = server({ a: 'something else' });
    originals.ahead([document('a')]);
    await expect(originals.requireSame(document('a'), item('a', 'SHA384'))).rejects.toThrow(WrongDocument);
    await expect(originals.shown(document('a'))).rejects.toThrow(WrongDocument);
    expect(seen.fetched).toEqual(['a', 'a', 'a']);
  });

  test('are compared with the document as it is now, also when they were read before', async () => {
    const { originals } = server();
    await originals.requireSame(document('a'), item('a'));
    const other = document('a', 'other bytes of a');
    await expect(originals.requireSame(other, item('a'))).rejects.toThrow(WrongDocument);
  });

  test('that were chosen here are never fetched', async () => {
    const { seen, originals } = server();
    const file = new File(['the bytes of a'], 'a.pdf');
    originals.hold('a', file, await originals.choose(file));
    await originals.requireSame(document('a'), item('a'));
    await originals.requireSame(document('a'), item('a', 'SHA512'));
    expect(seen.fetched).toEqual([]);
  });
});
