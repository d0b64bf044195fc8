import { readdirSync, readFileSync } from 'node:fs';
import { minify } from 'terser';
import { defineConfig, type Plugin } from 'vite';
import { onlyUsed } from './scripts/only-used';
import { differences } from './src/texts/message';

interface Catalogue {
  readonly noScript: string;
  readonly source: { readonly obstacles: { readonly 'not-loaded': string } };
}

const texts = new URL('./src/texts/', import.meta.url);
const languages = readdirSync(texts)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length));
const catalogue = (tag: string): Catalogue => JSON.parse(readFileSync(new URL(`${tag}.json`, texts), 'utf8'));

/** A language that lacks a text, or has one too many, stops the build. */
const catalogues: Plugin = {
  name: 'catalogues',
  buildStart() {
    for (const tag of languages) {
      const found = differences(catalogue('en'), catalogue(tag));
      if (found.length > 0) this.error(`${tag}.json differs from en.json: ${found.join(', ')}`);
    }
  },
  transformIndexHtml(html) {
    // Without the page's words there is no language yet: it is said in all of them.
    const said = (sentence: (words: Catalogue) => string) =>
      languages.map((tag) => `<p lang="${tag}">${sentence(catalogue(tag))}</p>`).join('');
    return html
      .replace('<!-- no script -->', said(({ noScript }) => noScript))
      .replace('<!-- not loaded -->', said(({ source }) => source.obstacles['not-loaded']));
  },
};

/** What the first view is made of is asked for at once, not one part after the other. */
const firstView: Plugin = {
  name: 'first-view',
  transformIndexHtml: {
    order: 'post',
    handler: (_html, { bundle }) =>
      Object.keys(bundle ?? {})
        .filter((file) => /\/(call|page|shared)-[^/]*\.js$/.test(file))
        .map((file) => ({ tag: 'link', attrs: { rel: 'modulepreload', href: `/sign/${file}` }, injectTo: 'head' as const })),
  },
};

/** Vite's own helper preloads styles and scripts of parts that are loaded later: these have no styles, and are small. */
const noPreload: Plugin = {
  name: 'no-preload',
  enforce: 'pre',
  load: {
    filter: { id: /^\0vite\/preload-helper/ },
    handler: () => 'export const __vitePreload = (load) => load();',
  },
};

const { version } = JSON.parse(readFileSync(new URL('node_modules/terser/package.json', import.meta.url), 'utf8'));

/** Terser makes less of what Vite's own minifier has made. It has no `unsafe` option here: a script does what it did. */
const smaller: Plugin = {
  name: 'smaller',
  // Browsers keep a file by its name for good: another terser gives it another name.
  augmentChunkHash: () => version,
  async generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk') continue;
      const { code } = await minify(chunk.code, { ecma: 2020, module: true, compress: { passes: 2 } });
      if (code !== undefined) chunk.code = code;
    }
  },
};

const SIMPLE = { propertyReadSideEffects: false, unknownGlobalSideEffects: false } as const;

// The built files are committed and CI proves that a rebuild gives the same bytes: no dates, no source maps, no paths.
export default defineConfig({
  base: '/sign/',
  plugins: [catalogues, noPreload, firstView, smaller],
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
      // Nothing here reads a property for what its reading does.
      treeshake: SIMPLE,
      output: {
        codeSplitting: {
          groups: [
            // What asks for the session needs no words: it does not wait for them.
            { name: 'call', test: /src\/(server|bytes\/base64)|preload-helper/, priority: 1 },
            { name: 'shared', test: /node_modules\/preact\/|src\/(bytes|texts|views\/(findings|icon|parts)|session\/(flow|problem)|keysource\/keysource|digest\/wrong-document)/ },
          ],
        },
      },
    },
  },
  worker: { format: 'es', plugins: () => [onlyUsed, smaller], rolldownOptions: { treeshake: SIMPLE } },
});
