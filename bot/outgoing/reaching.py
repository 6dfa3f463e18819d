"""Where a webhook may lead: never into a network of our own, unless a setting names it.

A name is resolved once, and the call goes to the address that was looked at: a name that leads elsewhere a moment
later leads nobody anywhere.
"""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from bot.settings import Network

Address = IPv4Address | IPv6Address


class Forbidden(Exception):
    """The call is not made; the words say why."""


@dataclass(frozen=True, slots=True)
class Way:
    """`host` as it stands in the URL, `address` where the call goes."""

    scheme: str
    host: str
    port: int
    address: Address
    target: str

    @property
    def url(self) -> str:
        address = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{self.scheme}://{address}:{self.port}{self.target}"

    @property
    def named(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


_PORTS = {"https": 443, "http": 80}


async def find_way(url: str, *, allowed: Sequence[Network], sandboxed: bool) -> Way:
    """Raises Forbidden for what may not be called, OSError for a name that nobody knows."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    refused = next((one for one in addresses if not _is_open(one, allowed, sandboxed=sandboxed)), None)
    if refused is not None or not addresses:
        raise Forbidden(f"{host} 在内部网络里，WEBHOOK_NETWORKS 没有放行 (leads into a private network)")
    if parts.scheme == "http" and any(_is_public(one) for one in addresses):
        raise Forbidden("外面的地址只用https (http only within networks that are allowed)")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Way(parts.scheme, host, port, addresses[0], target)


def _is_open(address: Address, allowed: Sequence[Network], *, sandboxed: bool) -> bool:
    inner = _inner(address)
    if _is_public(address) or any(inner in network for network in allowed if network.version == inner.version):
        return True
    return sandboxed and inner.is_loopback


def _is_public(address: Address) -> bool:
    """Of an IPv6 address that carries an IPv4 one, that one counts."""
    inner = _inner(address)
    return inner.is_global and not inner.is_multicast


def _inner(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    embedded = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
    if embedded is None and int(address) >> 32 == _NAT64:
        embedded = IPv4Address(int(address) & 0xFFFFFFFF)
    return embedded or address


_NAT64 = int(IPv6Address("64:ff9b::")) >> 32
