"""Programs of a signer's computer that no test machine has, speaking the real protocols with keys of the toy PKI."""
