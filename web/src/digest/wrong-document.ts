/** The service asks for a signature on something else than what the signer was shown. */
export class WrongDocument extends Error {
  override name = 'WrongDocument';
}
