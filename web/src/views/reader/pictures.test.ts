import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Pictures } from './pictures';

interface Call {
  readonly page: number;
  readonly width: number;
  readonly answer: (picture: Blob) => void;
  readonly refuse: (error: Error) => void;
}

let calls: Call[];
let revoked: string[];
let pictures: Pictures;
const nothing = () => undefined;

function look(page: number, width = 800, come = nothing, fail: (error: unknown) => void = nothing): () => void {
  return pictures.look('lease', page, width, come, fail);
}

/** Let what waits for promises go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

async function answer(call: number): Promise<void> {
  calls[call]!.answer(new Blob(['picture']));
  await settle();
}

beforeEach(() => {
  calls = [];
  revoked = [];
  let made = 0;
  vi.stubGlobal('URL', { createObjectURL: () => `blob:${++made}`, revokeObjectURL: (address: string) => revoked.push(address) });
  pictures = new Pictures((_, page, width) => new Promise((answer, refuse) => calls.push({ page, width, answer, refuse })));
});

afterEach(() => vi.unstubAllGlobals());

const asked = () => calls.map(({ page, width }) => `${page}:${width}`);

describe('what is asked for', () => {
  test('two pictures at once, then the newest wish first', async () => {
    for (const page of [0, 1, 2, 3]) look(page);
    expect(asked()).toEqual(['0:800', '1:800']);

    await answer(0);
    expect(asked()).toEqual(['0:800', '1:800', '3:800']);
  });

  test('nothing of what is taken back before its turn', async () => {
    look(0);
    look(1);
    for (let page = 2; page < 2000; page++) look(page)();
    await answer(0);
    await answer(1);

    expect(asked()).toEqual(['0:800', '1:800']);
  });

  test('the same picture once, whoever looks', async () => {
    const came = vi.fn();
    look(0, 800, came);
    look(0, 800, came);
    await answer(0);
    look(0, 400, came);

    expect(asked()).toEqual(['0:800']);
    expect(came).toHaveBeenCalledTimes(3);
  });

  test('once more after a refusal', async () => {
    const failed = vi.fn();
    look(0, 800, nothing, failed)();
    look(0, 800, nothing, failed);
    calls[0]!.refuse(new Error('busy'));
    await settle();
    expect(failed).toHaveBeenCalledOnce();

    look(0);
    expect(asked()).toEqual(['0:800', '0:800']);
  });
});

describe('what is kept', () => {
  test('a coarse picture until the finer one is there, and none that is coarser', async () => {
    look(0, 400);
    await answer(0);
    look(0, 1600);
    expect(pictures.of('lease', 0)).toEqual({ address: 'blob:1', width: 400 });

    await answer(1);
    expect(pictures.of('lease', 0)).toEqual({ address: 'blob:2', width: 1600 });
    expect(revoked).toEqual(['blob:1']);
  });

  test('all that somebody looks at, and a few others', async () => {
    const leave = look(0);
    await answer(0);
    for (let page = 1; page < 40; page++) {
      const away = look(page);
      await answer(page);
      away();
    }
    expect(pictures.of('lease', 0)).not.toBeNull();
    expect(revoked).toHaveLength(39 - 16);

    leave();
    expect(pictures.of('lease', 0)).toBeNull();
    expect(pictures.of('lease', 39)).not.toBeNull();
  });
});
