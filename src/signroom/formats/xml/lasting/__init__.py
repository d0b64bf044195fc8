"""What makes an XML signature last: timestamps, certificates and revocation data in its unsigned properties
(EN 319 132-1, 5.3 to 5.5)."""
