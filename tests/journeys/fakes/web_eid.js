// The content script of the Web eID extension (github.com/web-eid/web-eid-webextension), as a page meets it: it listens
// on the window, acknowledges at once, and answers by a message. `webEidNative` stands for the program with the card.
(() => {
  const VERSION = '2.2.1';
  const VERBS = ['status', 'get-signing-certificate', 'sign'];
  const pending = new Set();

  const major = (version) => Number.parseInt(version, 10);
  const failure = (name) => ({ error: { code: `ERR_WEBEID_${name}`, message: name, name } });

  async function answer({ action, libraryVersion, ...fields }) {
    if (!/^\d+\.\d+\.\d+/.test(libraryVersion ?? '')) return failure('VERSION_INVALID');
    const { version, ...given } = await window.webEidNative(action.replace('web-eid:', ''), fields);
    if (given.error) return failure(given.error);
    const versions = { library: libraryVersion, extension: VERSION, nativeApp: version };
    if (major(version) < major(libraryVersion)) {
      return { error: { ...failure('VERSION_MISMATCH').error, requiresUpdate: { nativeApp: true, extension: false } } };
    }
    return action === 'web-eid:status' ? versions : given;
  }

  window.addEventListener('message', async ({ data, source, origin }) => {
    if (source !== window || !VERBS.some((verb) => data?.action === `web-eid:${verb}`)) return;
    const { action } = data;
    window.postMessage({ action: `${action}-ack` }, origin);
    const busy = pending.has(action);
    pending.add(action);
    const found = busy ? failure('ACTION_PENDING') : await answer(data);
    if (!busy) pending.delete(action);
    window.postMessage({ action: `${action}-${found.error ? 'failure' : 'success'}`, ...found }, origin);
  });
})();
