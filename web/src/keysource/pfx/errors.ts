/** The one error of the PKCS#12 reader. */

/**
 * `wrong-secret`: the password does not open the file. `no-certificate`: no private key with its certificate inside.
 * `no-private-key`: certificates without any key. `pem`: a file of another kind, which can be converted.
 * `unsupported`: a well-formed file, key or cipher that the page cannot use. `failed`: not a PKCS#12 file, or damaged.
 */
export type PfxErrorCode = 'wrong-secret' | 'no-certificate' | 'no-private-key' | 'pem' | 'unsupported' | 'failed';

/** Why a file gave no identity; the message is for logs and holds nothing secret. */
export class PfxError extends Error {
  override name = 'PfxError';
  readonly code: PfxErrorCode;

  constructor(code: PfxErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
