/** True when the page is shown inside another one: the server then offers no key that the signer would bring. */
export const framed: boolean = globalThis.top !== globalThis.self;
