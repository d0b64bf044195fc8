// Starts the renderer of the API reference. Nothing of it may ask another server for anything.

// A library of the renderer (Zod) tries whether it may make code from text, unless it is told before it is loaded. The
// page's policy refuses that, and the browser would report an error that is none.
globalThis.__zod_globalConfig = { jitless: true };
const { createApiReference } = await import('/docs/api/{{version}}/standalone.esm.js');

// The editor of requests writes its marks as HTML. A policy that makes HTML only keeps text from becoming code: scripts
// in it do not run, by the page's policy.
globalThis.trustedTypes?.createPolicy('default', { createHTML: (text) => text });

const root = document.getElementById('reference');

createApiReference(root, {
  url: '/openapi.json',
  hideTestRequestButton: root.dataset.tries !== 'yes',
  persistAuth: false,
  theme: 'default',
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: 'never',
  orderSchemaPropertiesBy: 'preserve',
  documentDownloadType: 'none',
  defaultOpenFirstTag: true,
  // The choice holds for every call of the page.
  localization: { translations: { clientLibraries: { heading: 'Language of the examples' } } },
  defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
  featuredClients: ['shell/curl', 'python/requests', 'js/fetch', 'php/curl', 'java/okhttp', 'csharp/httpclient'],
  hiddenClients: Object.fromEntries(
    ['c', 'clojure', 'dart', 'fsharp', 'go', 'http', 'julia', 'kotlin', 'node', 'objc', 'ocaml', 'powershell', 'r', 'ruby', 'rust', 'swift'].map(
      (language) => [language, true],
    ),
  ),
});
