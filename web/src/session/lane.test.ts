import { expect, test } from 'vitest';
import { Lane } from './lane';

test('work begins in its order, and never more of it than the lane is wide', async () => {
  const lane = new Lane(4);
  const log: string[] = [];
  const work = (name: string, weight?: number) =>
    lane.run(async () => {
      log.push(name);
      await new Promise((resolve) => setTimeout(resolve));
      log.push(`/${name}`);
    }, weight);
  await Promise.all([work('a', 3), work('b'), work('large', 99), work('c'), work('d', 4)]);
  expect(log).toEqual(['a', 'b', '/a', '/b', 'large', '/large', 'c', '/c', 'd', '/d']);
});

test('work that fails makes room', async () => {
  const lane = new Lane(1);
  await expect(lane.run(() => Promise.reject(new TypeError('cut')))).rejects.toThrow('cut');
  expect(await lane.run(async () => 'done')).toBe('done');
});
