"""Which addresses may be reached when a stranger wrote the URL, and what a URL may look like.

Closed unless it is known to be open: what cannot be read, or is not plainly a public unicast address, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, urljoin, urlsplit

from signroom.ports.outside import Unreachable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL = 8192
_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{0,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# The WHATWG URL Standard ("ends in a number") takes such a host for an IPv4 address: 2130706433, 0x7f.1, 127.1.
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_AS_WRITTEN = "/%:;@!$&'()*+,=~?[]|^`{}"
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")

# The IANA registries of special-purpose addresses (RFC 6890 and its updates), spelled out: what Python's `is_global`
# says has changed between patch releases. Of IPv6 only 2000::/3 is handed out to anybody.
_SPECIAL_4 = tuple(
    IPv4Network(n)
    for n in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")
# Teredo and other protocol assignments (2001::/23), documentation, 6to4: nobody serves files there, and the tunnels
# among them carry an IPv4 address inside.
_SPECIAL_6 = tuple(
    IPv6Network(n) for n in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
_NAT64 = IPv6Network("64:ff9b::/96")

# The last one looks public: the host agent of Azure's machines. To open one of them its own /32 or /128 is needed;
# a network around it, 0.0.0.0/0 even, was not meant so.
_METADATA = frozenset(
    ip_address(a) for a in ("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "168.63.129.16")
)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be asked for, taken apart once: what is checked here is what is connected to."""

    scheme: str
    host: str
    """In lower case; an IPv6 address without brackets."""
    port: int
    path: str
    """With the query, percent-encoded, otherwise as it was written: it may be part of somebody's signature."""
    literal: Address | None
    """The host, when it is an address and no name."""

    @property
    def authority(self) -> str:
        """The value of the ``Host`` header (RFC 9110, 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    def follow(self, location: str) -> Target:
        """Where a redirect leads (RFC 9110, 10.2.2). Raises: Unreachable."""
        _require_clean(location)
        try:
            found = read_target(urljoin(self.url, location))
        except ValueError as error:
            raise Unreachable("It redirects to a malformed address.") from error
        if self.scheme == "https" and found.scheme != "https":
            raise Unreachable("It redirects from https to http.")
        return found


def read_target(url: str) -> Target:
    """Raises: Unreachable for what is no plain http or https URL."""
    _require_clean(url)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Unreachable("The address is malformed.") from error
    if parts.scheme not in _PORTS:
        raise Unreachable("Only http and https addresses are fetched.")
    if "@" in parts.netloc:
        raise Unreachable("An address with a user name is not fetched.")
    if not parts.netloc.isascii():
        raise Unreachable("The host name must be written in ASCII (xn--).")
    found = _AUTHORITY.fullmatch(parts.netloc)
    if found is None:
        raise Unreachable("The address is malformed.")
    port = int(found["port"] or _PORTS[parts.scheme])
    if not 0 < port < 1 << 16:
        raise Unreachable("The address is malformed.")
    host = (found["v6"] or found["host"]).lower()
    literal = _literal(host, bracketed=found["v6"] is not None)
    try:
        path = quote(parts.path or "/", safe=_AS_WRITTEN)
        query = f"?{quote(parts.query, safe=_AS_WRITTEN)}" if parts.query else ""
    except UnicodeEncodeError as error:  # half of a surrogate pair
        raise Unreachable("The address is malformed.") from error
    return Target(parts.scheme, host, port, path + query, literal)


class Guard:
    """Decides on addresses. `allowed`: networks that the operator opens."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        """Raises: ValueError for what is no CIDR network."""
        self._allowed: tuple[Network, ...] = tuple(ip_network(network, strict=False) for network in allowed)

    def allows(self, address: Address) -> bool:
        if isinstance(address, IPv6Address):
            if address.scope_id is not None:
                return False
            inner = _inside(address)
            if inner is not None:
                return self.allows(inner)
        opened = [n for n in self._allowed if n.version == address.version and address in n]
        if address in _METADATA:
            return any(n.prefixlen == n.max_prefixlen for n in opened)
        return bool(opened) or _is_public(address)


def _require_clean(url: str) -> None:
    # Before anything parses it: parsers drop tabs and line ends, take a backslash for a slash, or do not.
    if len(url) > MAX_URL:
        raise Unreachable("The address is too long.")
    if _FORBIDDEN.search(url):
        raise Unreachable("The address is malformed.")


def _literal(host: str, *, bracketed: bool) -> Address | None:
    try:
        if bracketed:
            return IPv6Address(host)
        labels = host.split(".")
        if _NUMBER.fullmatch(labels[-1]):
            return IPv4Address(host)
    except ValueError as error:
        raise Unreachable("The host is not allowed.") from error
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Unreachable("The host is not allowed.")
    return None


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to this one end at: mapped (RFC 4291, 2.5.5.2) or through NAT64 (RFC 6052, 2.1)."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in n for n in _SPECIAL_4)
    # ISATAP (RFC 5214, 6.1) hides an IPv4 address in the interface identifier.
    isatap = (int(address) >> 32) & 0xFDFFFFFF == 0x00005EFE
    return address in _GLOBAL_6 and not isatap and not any(address in n for n in _SPECIAL_6)
