"""The proxy of an allow-list, spoken to directly: what it lets through, and what it takes for an attack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from deployments.images.egress_proxy import Proxy, authority, entry, is_public, read_head


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111"])
def test_others_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "a b", "user@host", "host/path", "http://host", "localhost", "-a", "[::1", "a:b"])
def test_an_entry_is_a_host(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        entry(text)


def test_an_authority_is_read_in_one_way() -> None:
    assert authority("Example.COM.:8080", 443) == ("example.com", 8080)
    assert authority("[::0001]:80", 443) == ("::1", 80)


@pytest.mark.parametrize(
    "head",
    [
        b"GET http://a/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nTransfer-Encoding: x, chunked\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nHost : b\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\n folded: x\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nX: a\nHost: b\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nX: a\rHost: b\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nX: \x00\r\n\r\n",
        b"GET http://a@b/ HTTP/1.1\r\n\r\n",
        b"GET /relative HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET ftp://a/ HTTP/1.1\r\n\r\n",
        b"CONNECT a:443/x HTTP/1.1\r\n\r\n",
        b"get http://a/ HTTP/1.1\r\n\r\n",
    ],
)
def test_what_two_readers_could_take_differently_is_refused(head: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_head(head)


def test_the_host_is_the_addresss_and_no_header_for_the_proxy_goes_on() -> None:
    head = read_head(
        b"GET http://a/x HTTP/1.1\r\nHost: b\r\nProxy-Authorization: t\r\nConnection: X\r\nX: y\r\n\r\n"
    ).head
    assert head == b"GET /x HTTP/1.1\r\nx: y\r\nhost: a\r\nconnection: close\r\n\r\n"


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def asked(tmp_path: Path, entries: list[str], request: bytes, serve: Serve) -> tuple[bytes, bytes]:
    """Send a request through the proxy to a server of ours; return the answer and what the server received."""
    received = bytearray()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        received.extend(await reader.read(65_536))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        writer.close()

    async with await asyncio.start_server(receive, "127.0.0.1", 0) as upstream:
        port = upstream.sockets[0].getsockname()[1]
        proxy = Proxy([entry(one.replace("PORT", str(port))) for one in entries])
        async with await asyncio.start_unix_server(proxy.serve, tmp_path / "s"):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
            writer.write(request.replace(b"PORT", str(port).encode()))
            answer = await asyncio.wait_for(reader.read(), 20)
            writer.close()
    return answer, bytes(received)


async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Receive only."""


def test_a_second_request_behind_the_first_reaches_nobody(tmp_path: Path) -> None:
    first = b"POST http://localhost:PORT/ HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    smuggled = b"GET http://localhost:PORT/secret HTTP/1.1\r\n\r\n"
    answer, received = asyncio.run(asked(tmp_path, ["localhost:PORT"], first + smuggled, nothing))
    assert answer.endswith(b"ok")
    assert received.endswith(b"\r\n\r\nabc")


def test_a_chunked_body_goes_through_and_nothing_behind_it(tmp_path: Path) -> None:
    first = b"POST http://localhost:PORT/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    answer, received = asyncio.run(asked(tmp_path, ["localhost:PORT"], first + b"GET /secret", nothing))
    assert answer.endswith(b"ok")
    assert b"secret" not in received


@pytest.mark.parametrize(
    "target",
    ["127.0.0.1:PORT", "[::1]:PORT", "2130706433:PORT", "0x7f.1:PORT", "example.com:22", "host.docker.internal:PORT"],
)
def test_a_tunnel_to_what_is_not_named_is_denied(tmp_path: Path, target: str) -> None:
    request = f"CONNECT {target} HTTP/1.1\r\n\r\n".encode()
    answer, received = asyncio.run(asked(tmp_path, ["localhost:PORT", "example.com"], request, nothing))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert received == b""


def test_a_name_at_a_private_address_needs_that_address_named(tmp_path: Path) -> None:
    request = b"CONNECT ip6-localhost:PORT HTTP/1.1\r\n\r\n"
    answer, _ = asyncio.run(asked(tmp_path, ["ip6-localhost:PORT"], request, nothing))
    assert b"not a public address" in answer or b"has no address" in answer
