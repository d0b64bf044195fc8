import { describe, expect, test } from 'vitest';
import { bytesOf, readable } from '../../tests/vectors';
import type { CertInfo } from '../keysource/keysource';
import { openPfx } from '../keysource/pfx/reader';
import type { Judgement } from '../server/model';
import { ranked } from './certificates';

const YES: Judgement = { usable: true, code: null, detail: null, ofAuthority: false, name: 'Ana', confirmedBy: null };
const NO: Judgement = { ...YES, usable: false, code: 'CertificateExpired' };
const junk = (id: string): CertInfo => ({ id, der: Uint8Array.of(1), chain: [] });

async function real(id: string): Promise<CertInfo> {
  const vector = readable.find(({ file }) => /modern-P/.test(file));
  if (vector === undefined) throw new Error('no vector');
  const [identity] = await openPfx(bytesOf(vector), vector.password);
  if (identity === undefined) throw new Error('no identity');
  return { id, der: identity.certificate, chain: [] };
}

describe('the list of certificates', () => {
  test('begins with what can be used, then what is valid longest', async () => {
    const listed = await ranked([junk('a'), await real('b'), junk('c'), await real('d')], [NO, NO, YES, YES]);
    expect(listed.map(({ info }) => info.id)).toEqual(['d', 'c', 'b', 'a']);
  });

  test('keeps what cannot be read, without a name', async () => {
    const thumbprint = '4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a';
    expect(await ranked([junk('a')], [YES])).toMatchObject([{ summary: null, thumbprint, judgement: YES }]);
  });

  test('trusts nothing that the server did not judge', async () => {
    expect((await ranked([junk('a')], []))[0]?.judgement.usable).toBe(false);
  });
});
