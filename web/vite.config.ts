import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vite';
import { differences } from './src/texts/message';

/** A language that lacks a text, or has one too many, stops the build. */
const catalogues: Plugin = {
  name: 'catalogues',
  buildStart() {
    const folder = new URL('./src/texts/', import.meta.url);
    const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
      const found = differences(read('en.json'), read(name));
      if (found.length > 0) this.error(`${name} differs from en.json: ${found.join(', ')}`);
    }
  },
};

// The built files are committed and CI proves that a rebuild gives the same bytes: no dates, no source maps, no paths.
export default defineConfig({
  base: '/sign/',
  plugins: [catalogues],
  build: {
    outDir: '../src/signroom/page/static',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // What the first load shares with the parts loaded later is one file, not one each.
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: 'shared', test: /\/(base64|der|keysource)\.ts$/ }] } },
    },
  },
  worker: { format: 'es' },
});
