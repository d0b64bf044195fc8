import { defineConfig } from 'vite';

// The built files are committed and CI proves that a rebuild gives the same bytes: no dates, no source maps, no paths.
export default defineConfig({
  base: '/sign/',
  build: {
    outDir: '../src/signroom/page/static',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  worker: { format: 'es' },
});
