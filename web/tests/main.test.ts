import { afterEach, expect, test, vi } from 'vitest';

vi.mock('../src/server/api', () => ({ Api: class { load = () => new Promise(() => undefined); } }));
vi.mock('../src/views/page', () => {
  throw new Error('404');
});
vi.mock('../src/views/steps', () => ({}));
vi.mock('../src/views/reader/reader', () => ({}));

afterEach(() => vi.unstubAllGlobals());

test('a page whose parts do not load says so at once', async () => {
  const remove = vi.fn();
  vi.stubGlobal('location', { pathname: '/sign/link', search: '' });
  vi.stubGlobal('document', { querySelector: (name: string) => (name === '.late' ? { classList: { remove } } : null) });

  await import('../src/main');

  await vi.waitFor(() => expect(remove).toHaveBeenCalledWith('waits'), 30_000);
});
