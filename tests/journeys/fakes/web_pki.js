// Lacuna Web PKI as a page meets it (its documented calls, from the type definitions of its npm package), with nothing
// of its own inside: `webPkiNative` stands for the program, and answers come later, as the real ones do.
window.LacunaWebPKI = class {
  #license;
  #fail = () => {};

  constructor(license) {
    this.#license = license;
  }

  init({ ready, notInstalled, defaultFail }) {
    this.#fail = defaultFail;
    return this.#call('init', {}).success(({ status }) => {
      if (status === 0) ready();
      else if (notInstalled) notInstalled(status, 'not installed');
      else location.href = 'https://get.webpkiplugin.com/'; // as the real one does
    });
  }

  listCertificates(args = {}) {
    return this.#call('listCertificates', args);
  }

  readCertificate(args) {
    return this.#call('readCertificate', args);
  }

  preauthorizeSignatures(args) {
    return this.#call('preauthorizeSignatures', args);
  }

  signData(args) {
    return this.#call('signData', args);
  }

  #call(command, request) {
    const callbacks = { success: () => {}, fail: this.#fail };
    const answer = {
      success(callback) {
        callbacks.success = callback;
        return answer;
      },
      fail(callback) {
        callbacks.fail = callback;
        return answer;
      },
    };
    window.webPkiNative(command, request, this.#license ?? null).then(({ code, value }) => {
      if (code) callbacks.fail({ message: code, error: code, origin: 'native', code });
      else callbacks.success(value);
    });
    return answer;
  }
};
