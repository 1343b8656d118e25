"""The way out of a sandbox: an HTTP and HTTPS proxy that lets named hosts through and nothing else; standard library.

Usage: `python3 egress_proxy.py HOST…`, each `name`, `name:port` or an address; without a port 443 and 80 are meant.
It listens on the Unix socket /run/egress/s. `host.docker.internal:port` and `localhost:port` mean 127.0.0.1 of the
machine whose network the proxy has. A name that resolves to a private, local or otherwise special address is denied
unless that address is named as well. Each decision is one line of JSON on standard output.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

SOCKET = "/run/egress/s"
_PORTS = (443, 80)
_SELF = ("host.docker.internal", "localhost")
_EMBEDDED = tuple(ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
"""Networks whose addresses carry an IPv4 address that could be a private one."""
_HEAD_SECONDS, _CONNECT_SECONDS = 30.0, 15.0
_MOST_HEAD = 65_536
_FIRST = re.compile(rb"([A-Z]{3,10}) ([\x21-\x7e]{1,8192}) HTTP/1\.[01]")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)")
_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,253}[a-z0-9])?")
_HOP = (b"connection", b"keep-alive", b"te", b"trailer", b"upgrade", b"host", b"expect")


class Denied(Exception):
    """A request that is not let through; its text is the reason."""


class Entry(NamedTuple):
    """One entry of the list: host in lower case without brackets, and its port; 0: the usual ones."""

    host: str
    port: int

    def names(self, host: str, port: int) -> bool:
        """Return whether it lets a host and port through."""
        return self.host == host and (self.port == port if self.port else port in _PORTS)


class Request(NamedTuple):
    """The head of a request that has been read and found in order."""

    method: str
    host: str
    port: int
    head: bytes
    length: int
    chunked: bool


def entry(text: str) -> Entry:
    """Return an entry of the list; raise ValueError when it is none."""
    host, port = authority(text, 0)
    if host in _SELF and not port:
        raise ValueError(f"{text!r} needs a port: everything on this machine is more than anybody means")
    return Entry(host, port)


def authority(text: str, port: int) -> tuple[str, int]:
    """Return host and port of `name:port`; raise ValueError when it cannot be read in one way only."""
    bare = text.count(":") > 1 and not text.startswith("[")
    split = urlsplit(f"//[{text}]" if bare else f"//{text}")
    host = (split.hostname or "").rstrip(".")
    if split.username is not None or split.path or split.query or split.fragment:
        raise ValueError(f"{text!r} is no host")
    if ":" in host:
        host = str(ipaddress.ip_address(host))
    elif not _NAME.fullmatch(host):
        raise ValueError(f"{text!r} is no host")
    return host, split.port or port


def read_head(head: bytes) -> Request:
    """Read a request's head; raise ValueError when two readers could take it differently."""
    first, *fields = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    found = _FIRST.fullmatch(first)
    pairs = [_FIELD.fullmatch(field) for field in fields]
    if found is None or not all(pairs):
        raise ValueError("the request is malformed")
    values = [(one[1].lower(), one[2].strip()) for one in pairs if one]
    method, target = found[1].decode(), found[2].decode("ascii")
    lengths = [value for name, value in values if name == b"content-length"]
    codings = [value.lower() for name, value in values if name == b"transfer-encoding"]
    if len(lengths) + len(codings) > 1 or codings not in ([], [b"chunked"]) or not all(map(bytes.isdigit, lengths)):
        raise ValueError("the length of the request's body is ambiguous")
    length, chunked = int(lengths[0]) if lengths else 0, bool(codings)
    if method == "CONNECT":
        return Request(method, *authority(target, 443), b"", 0, chunked=False)
    split = urlsplit(target)
    if split.scheme != "http":
        raise ValueError("only http:// addresses and CONNECT are understood")
    host, port = authority(split.netloc, 80)
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    kept = [(name, value) for name, value in values if name not in _HOP and not name.startswith(b"proxy-")]
    kept += [(b"host", split.netloc.encode()), (b"connection", b"close")]
    lines = [f"{method} {path} HTTP/1.1".encode(), *(name + b": " + value for name, value in kept), b"", b""]
    return Request(method, host, port, b"\r\n".join(lines), length, chunked)


class Proxy:
    """Decides and carries.

    Args:
        entries: what is let through.
    """

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection: one request, then nothing more."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            try:
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_SECONDS)
                await self._pass_on(read_head(head), reader, writer)
            except (Denied, ValueError) as error:
                told("denied", "", 0, str(error)) if isinstance(error, ValueError) else None
                said = f"the sandbox does not let this through: {error}\n".encode()
                status = b"403 Forbidden" if isinstance(error, Denied) else b"400 Bad Request"
                writer.write(
                    b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(said)) + said
                )
                await writer.drain()
        writer.close()

    async def _pass_on(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            address = await self._address(request.host, request.port)
        except Denied as error:
            told("denied", request.host, request.port, str(error))
            raise
        told("allowed", request.host, request.port, address)
        try:
            connecting = asyncio.open_connection(address, request.port)
            theirs, upstream = await asyncio.wait_for(connecting, _CONNECT_SECONDS)
        except (OSError, TimeoutError):
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        if request.method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            sending = carry(reader, upstream)
        else:
            upstream.write(request.head)
            sending = carry_body(request, reader, upstream)
        sent = asyncio.ensure_future(sending)
        await carry(theirs, writer)
        if request.method == "CONNECT":
            await sent
        sent.cancel()
        upstream.close()

    async def _address(self, host: str, port: int) -> str:
        """Return the address that a host is reached at."""
        if not any(one.names(host, port) for one in self._entries):
            raise Denied(f"{host}:{port} is not on the list of hosts")
        if host in _SELF:
            return "127.0.0.1"
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Denied(f"{host} has no address") from error
        addresses = [str(one[4][0]).partition("%")[0] for one in found]
        for address in addresses:
            if is_public(address) or any(one.names(address, port) for one in self._entries):
                return address
        raise Denied(f"{host} is at {addresses[0]}, which is not a public address; name that address as well")


def is_public(text: str) -> bool:
    """Return whether an address is on the public network."""
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    embeds = any(address in network for network in _EMBEDDED)
    return address.is_global and not address.is_multicast and not embeds


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry everything to its end."""
    with suppress(OSError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def carry_body(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry a request's body, and nothing that follows it."""
    with suppress(OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        size = request.length
        while request.chunked and (size := int((line := await reader.readuntil(b"\r\n")).split(b";")[0], 16)):
            writer.write(line + await reader.readexactly(size + 2))
            await writer.drain()
        writer.write(b"0\r\n\r\n" if request.chunked else b"")
        while size and (chunk := await reader.read(min(size, 65_536))):
            size -= len(chunk)
            writer.write(chunk)
            await writer.drain()


def told(decision: str, host: str, port: int, why: str) -> None:
    """Log one decision."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    sys.stdout.write(json.dumps({"at": at, "decision": decision, "host": host, "port": port, "why": why}) + "\n")
    sys.stdout.flush()


async def main(entries: list[Entry]) -> None:
    """Serve until the container ends."""
    with suppress(FileNotFoundError):
        Path(SOCKET).unlink()
    server = await asyncio.start_unix_server(Proxy(entries).serve, f"{SOCKET}.new", limit=_MOST_HEAD)
    Path(f"{SOCKET}.new").chmod(0o666)
    Path(f"{SOCKET}.new").rename(SOCKET)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main([entry(text) for text in sys.argv[1:]]))
