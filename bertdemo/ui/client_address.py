"""Where a request comes from: the address of the client, as the proxies in front of the server tell it.

Each proxy appends the address of its own client to `X-Forwarded-For`, so that the last entries are by proxies that the
operator knows, and all before them by anybody. How many are trusted is a setting (`trusted_proxies`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gradio.context import LocalContext

from bertdemo.slots import SERVER, Visitor

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
# Whoever has an IPv6 address has 2**64 of them: the network that they share is what takes turns.
_IPV6_NETWORK = 64


class ClientAddress:
    """ASGI middleware that puts the client's address into the scope; "" where no trusted proxy has told it."""

    def __init__(self, app: App, trusted_proxies: int) -> None:
        self._app = app
        self._trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on."""
        if self._trusted_proxies and "headers" in scope:
            scope = {**scope, "client": (forwarded_for(scope["headers"], self._trusted_proxies), 0)}
        await self._app(scope, receive, send)


def forwarded_for(headers: list[tuple[bytes, bytes]], trusted_proxies: int) -> str:
    """Return what the outermost of the trusted proxies says of its client; "" where there are too few entries."""
    told = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    entries = [entry.strip() for value in told for entry in value.split(",")]
    return entries[-trusted_proxies] if len(entries) >= trusted_proxies else ""


def network_of(address: str) -> str:
    """Return the address, of IPv6 its network; "" for what is no address."""
    host = address.strip()
    if host.startswith("["):  # as in [2001:db8::1]:443
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:  # an IPv4 address with a port
        host = host.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False))


def visitor_of(key: object) -> Visitor:
    """Return who the listener that Gradio calls now is called by; `key` is the owner key that came with the call."""
    request = LocalContext.request.get(None)
    if request is None:
        return SERVER
    client = getattr(request, "client", None)
    name = key if isinstance(key, str) and key else getattr(request, "session_hash", None) or ""
    return Visitor(network_of(getattr(client, "host", "") or ""), str(name))
