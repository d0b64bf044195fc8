import { beforeEach, expect, test, vi } from 'vitest';
import { WrongDocument } from '../digest/wrong-document';
import type { KeySource } from '../keysource/keysource';
import { type Api, ApiError } from '../server/api';
import type { DocumentView, PreparedItem, SignatureType } from '../server/model';
import { Controller } from './controller';
import type { Happening, State } from './flow';

/** What the parts that are loaded later do, by document. */
const parts = vi.hoisted(() => ({
  requireSame: (_id: string): Promise<void> => Promise.resolve(),
  shown: async (id: string): Promise<Blob> => new Blob([id]),
  /** Files that were digested, and files that were parsed. */
  digested: [] as Blob[],
  parsed: [] as Blob[],
}));

vi.mock('./later', async () => ({
  pairUp: (await import('../digest/check')).pairUp,
  Lane: (await import('./lane')).Lane,
  requireSameXml: () => undefined,
  treeOf: async (file: Blob) => parts.parsed.push(file),
  Digester: class {},
  Originals: class {
    requireSame = ({ id }: DocumentView) => parts.requireSame(id);
    shown = async ({ id }: DocumentView) => {
      const file = await parts.shown(id);
      parts.digested.push(file);
      return file;
    };
    digestOf = async (file: Blob) => parts.digested.push(file);
    close = () => undefined;
  },
}));

const CERTIFICATE = { id: 'c', der: new Uint8Array(), chain: [] };
const source = { certificates: [CERTIFICATE], sign: async () => [], close: () => undefined } as unknown as KeySource;

/** The click on "Sign" for documents of these ids, and what happened. */
function signing(signatureType: SignatureType, ids: readonly string[], api: Partial<Api> = {}) {
  const happenings: Happening[] = [];
  const items = ids.map((documentId) => ({ documentId, signatureType, toSign: '', digestAlgorithm: 'SHA256' }) as PreparedItem);
  const prepare = async () => ({ preparationId: 'p', items, refused: [] });
  const finish = async () => ({ status: 'Completed', documents: [] });
  const controller = new Controller({ prepare, finish, ...api } as unknown as Api, (happening) => happenings.push(happening));
  const documents = ids.map((id) => ({ id, status: 'PendingSignature' }) as DocumentView);
  const state = { session: { documents }, source, certificateId: 'c', refused: [] } as unknown as State;
  return { happenings, controller, done: controller.sign(state) };
}

/** As when time has passed: each report is told. */
beforeEach(() => {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => (now += 1000));
});

test('a check that ends after another one failed tells no progress any more', async () => {
  let end = () => undefined as void;
  const slow = new Promise<void>((resolve) => (end = resolve));
  parts.requireSame = (id) => (id === 'bad' ? Promise.reject(new TypeError('cut')) : slow);
  vi.spyOn(console, 'error').mockReturnValue();
  const { happenings, done } = signing('Pdf', ['bad', 'slow', 'other']);
  await done;
  end();
  await new Promise((resolve) => setTimeout(resolve));
  expect(happenings.map(({ kind }) => kind)).toEqual(['started', 'progressed', 'progressed', 'failed']);
});

test('the XML files that are compared are those that were digested', async () => {
  const canonical = vi.fn(async (path: string) => new Blob([path]));
  const { happenings, done } = signing('Xml', ['a'], { canonical });
  await done;
  expect(happenings.at(-1)?.kind).toBe('loaded');
  expect(canonical.mock.calls).toEqual([['p/a']]);
  expect(parts.parsed).toHaveLength(2);
  for (const [index, file] of parts.parsed.entries()) expect(file).toBe(parts.digested[index]);
});

test('canonical forms are asked for two at a time, and none after a failure', async () => {
  const asked: { end(file: Blob): void; refuse(reason: Error): void }[] = [];
  const canonical = () => new Promise<Blob>((end, refuse) => asked.push({ end, refuse }));
  const settled = () => new Promise((resolve) => setTimeout(resolve, 20));
  const { happenings, done } = signing('Xml', ['a', 'b', 'c', 'd', 'e'], { canonical });
  await vi.waitFor(() => expect(asked).toHaveLength(2), 30_000);
  await settled();
  expect(asked).toHaveLength(2);
  asked[0]?.refuse(new ApiError('TooManyRequests', 'busy'));
  await done;
  asked[1]?.end(new Blob());
  await settled();
  expect(asked).toHaveLength(2);
  expect(happenings.at(-1)).toEqual({ kind: 'failed', problem: { code: 'TooManyRequests', message: 'busy' } });
});

test('the signer gets the file that was compared', async () => {
  const { controller, happenings, done } = signing('Pdf', []);
  await done;
  const addresses: string[] = [];
  const click = vi.fn();
  vi.stubGlobal('document', {
    createElement: () => ({
      click,
      set href(address: string) {
        addresses.push(address);
      },
    }),
  });
  vi.useFakeTimers();
  const told = happenings.length;
  expect(await controller.show({ id: 'a', name: 'a.txt' } as DocumentView)).toBeNull();
  expect(click).toHaveBeenCalledTimes(1);
  expect(await (await fetch(addresses[0] ?? '')).text()).toBe('a');
  parts.shown = () => Promise.reject(new WrongDocument('other bytes'));
  expect(await controller.show({ id: 'a', name: 'a.txt' } as DocumentView)).toMatchObject({ code: 'FileChanged' });
  expect(click).toHaveBeenCalledTimes(1);
  expect(happenings).toHaveLength(told);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});
