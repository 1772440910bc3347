"""Which hosts a user's URL may name (SSRF): resolved once, all addresses checked, the connection pinned.

A deployment's allow-list entry is a host name, `host:port`, an address or a CIDR; it lifts both the address
check and the demand for TLS.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from unicodedata import normalize
from urllib.parse import SplitResult, urlsplit

from slew import config
from slew.errors import NotSent, SlewError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Unique-local and link-local are covered by is_private; these are not, and lead to addresses inside: NAT64,
# 6to4, Teredo; or, like that for documentation, to none.
_TRANSLATED = tuple(
    map(
        ipaddress.ip_network,
        ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "fec0::/10", "3fff::/20"),
    )
)
# Platform addresses of clouds that lie in public ranges, and ranges that later Pythons know not to be global.
_PLATFORM = tuple(map(ipaddress.ip_network, ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24")))


class Refused(SlewError):
    """The URL is one that a user may not have us call; the text says why."""


@dataclass(frozen=True)
class Destination:
    """A checked URL's host and the addresses that a connection to it may use."""

    host: str
    port: int
    addresses: tuple[str, ...]


def check_form(url: str) -> SplitResult:
    """Check a URL without resolving it: its form, and its host where that is an address. Raises Refused."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused(f"is not a URL: {error}") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Refused("must be an absolute https URL")
    if parts.username is not None or parts.password is not None:
        raise Refused("must not contain a user name or password")
    if port == 0:
        raise Refused("must not name port 0")
    if parts.fragment:
        raise Refused("must not contain a fragment")
    if any(character <= " " or character == "\\" or character == "\x7f" for character in url):
        raise Refused("must not contain blanks, control characters or backslashes")
    literal = _literal(parts.hostname)
    if not _allowed(parts.hostname, port or (443 if parts.scheme == "https" else 80), literal):
        if parts.scheme == "http":
            raise Refused("must be https")
        if _is_here(parts.hostname):
            raise Refused(f"host {parts.hostname} is this machine, and not public")
        _demand_public(parts.hostname, literal)
    return parts


def resolve(url: str) -> Destination:
    """Check a URL and resolve its host. Raises Refused, or NotSent where the name does not resolve."""
    parts = check_form(url)
    return resolve_host(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


def resolve_host(host: str, port: int) -> Destination:
    """Resolve a host and check its addresses. Raises Refused, or NotSent where it does not resolve."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSent(f"host {host} could not be resolved: {error}") from None
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses:  # a connection that is pinned to none would be free
        raise NotSent(f"host {host} has no address")
    parsed = tuple(ipaddress.ip_address(address.partition("%")[0]) for address in addresses)
    if not _allowed(host, port, parsed):
        _demand_public(host, parsed)
    return Destination(host, port, addresses)


def _literal(host: str) -> tuple[Address, ...]:
    """The address that a host is, as resolvers read it: also `127.1`, octal, hexadecimal, other scripts."""
    plain = _plain(host)
    try:
        return (ipaddress.ip_address(plain.partition("%")[0]),)
    except ValueError:
        pass
    try:
        return (ipaddress.IPv4Address(socket.inet_aton(plain)),)
    except (OSError, ValueError):
        return ()


def _is_here(host: str) -> bool:
    return _plain(host).rpartition(".")[2] == "localhost"


def _plain(host: str) -> str:
    """A host in the characters that its look-alikes stand for."""
    return normalize("NFKC", host).replace("\u3002", ".").rstrip(".").lower()


def _demand_public(host: str, addresses: tuple[Address, ...]) -> None:
    for address in addresses:
        if not _public(address):
            raise Refused(f"host {host} has the address {address}, which is not public")


def _public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return _public(address.ipv4_mapped)
        if any(address in network for network in _TRANSLATED):
            return False
    if any(address in network for network in _PLATFORM if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _allowed(host: str, port: int, addresses: tuple[Address, ...]) -> bool:
    networks = []
    for entry in config.endpoint_allow_list():
        if entry.lower() in (host.lower(), f"{host}:{port}".lower(), f"[{host}]:{port}".lower()):
            return True
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            continue
    return bool(addresses) and all(any(address in network for network in networks) for address in addresses)
