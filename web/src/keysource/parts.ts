/** The key sources: one part of the page, loaded when the signer is asked how to sign. */
export * as demo from './demo';
export * as pfx from './pfx';
export * as webEid from './web-eid';
export * as webPki from './web-pki';
