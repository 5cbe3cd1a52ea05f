"""Whose request it is: the address that a trusted proxy tells, and no other."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from gradio.context import LocalContext

from bertdemo.slots import SERVER, Visitor, visitor
from bertdemo.ui.client_address import ClientAddress, forwarded_for, network_of, visitor_of
from bertdemo.ui.localized import guarded


@pytest.mark.parametrize(
    ("headers", "proxies", "address"),
    [
        ([b"1.1.1.1"], 1, "1.1.1.1"),
        ([b"9.9.9.9, 1.1.1.1"], 1, "1.1.1.1"),  # the first is what the client wrote itself
        ([b"9.9.9.9, 1.1.1.1, 2.2.2.2"], 2, "1.1.1.1"),
        ([b"9.9.9.9", b"1.1.1.1"], 1, "1.1.1.1"),
        ([b"1.1.1.1"], 2, ""),
        ([], 1, ""),
    ],
)
def test_the_address_is_what_the_outermost_trusted_proxy_says(headers: list[bytes], proxies: int, address: str) -> None:
    assert forwarded_for([(b"x-forwarded-for", value) for value in headers], proxies) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("1.2.3.4:567", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:ffff::]:443", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", ""),
        ("", ""),
        ("1.2.3.4, 5.6.7.8", ""),
    ],
)
def test_an_ipv6_address_counts_as_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(("proxies", "client"), [(0, ("10.0.0.1", 80)), (1, ("1.1.1.1", 0))])
def test_the_header_is_believed_only_where_a_proxy_is_trusted(proxies: int, client: tuple[str, int]) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope.get("client"))

    scope = {"type": "http", "client": ("10.0.0.1", 80), "headers": [(b"x-forwarded-for", b"1.1.1.1")]}
    asyncio.run(ClientAddress(app, proxies)(scope, None, None))
    asyncio.run(ClientAddress(app, proxies)({"type": "lifespan"}, None, None))
    assert seen == [client, None]


def request(host: str, session: str) -> Any:
    return SimpleNamespace(client=SimpleNamespace(host=host), session_hash=session)


def test_a_visitor_is_known_by_address_and_key_or_session() -> None:
    assert visitor_of("key") == SERVER  # no request: the server's own work
    token = LocalContext.request.set(request("1.2.3.4", "abc"))
    try:
        assert visitor_of("key") == Visitor("1.2.3.4", "key")
        assert visitor_of("") == visitor_of(None) == Visitor("1.2.3.4", "abc")
    finally:
        LocalContext.request.reset(token)


def test_a_listener_is_called_for_its_visitor_and_so_is_what_it_calls() -> None:
    def inner() -> Visitor:
        return visitor()

    def outer(owner: str) -> tuple[Visitor, Visitor]:
        LocalContext.request.set(None)  # as in a thread of the server
        return visitor(), guarded(inner)()

    token = LocalContext.request.set(request("1.2.3.4", "abc"))
    try:
        assert guarded(outer)("key") == (Visitor("1.2.3.4", "key"),) * 2
    finally:
        LocalContext.request.reset(token)
    assert visitor() == SERVER
