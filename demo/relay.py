"""A small relay that stands for a site's leg of the network: all the site's traffic passes it, and it can be cut, slowed or made lossy.

A cut is a dead path, as when a fibre breaks: datagrams vanish, streams stall, nobody is told. Streams that outlive the cut go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

Address = tuple[str, int]
LOOPBACK = "127.0.0.1"
T = TypeVar("T")


class Relay:
    """One site's leg: any number of TCP and UDP ports in front of real ones, all on loopback.

    Attributes:
        delay_s: One way, added to every datagram and piece of a stream.
        drop_ratio: Share of datagrams lost, each way (streams would only be slowed, so they are not touched).
    """

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.drop_ratio = 0.0
        self._loop = asyncio.new_event_loop()
        self._through = asyncio.Event()
        self._random = random.Random(20)
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self._thread.start()
        self._loop.call_soon_threadsafe(self._through.set)

    def tcp(self, upstream: Address) -> int:
        """Open a port in front of a TCP server; returns the port."""
        return self._run(self._listen_tcp(upstream))

    def udp(self, upstream: Address) -> int:
        """Open a port in front of a UDP server; returns the port."""
        return self._run(self._listen_udp(upstream))

    def cut(self) -> float:
        """Cut the leg; returns the moment (seconds since the epoch) from which nothing passes."""
        return self._run(self._switch(through=False))

    def restore(self) -> float:
        """Let everything pass again; returns the moment."""
        return self._run(self._switch(through=True))

    def close(self) -> None:
        """Stop relaying."""

        async def stop() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self._run(stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _switch(self, *, through: bool) -> float:
        if through:
            self._through.set()
        else:
            self._through.clear()
        return time.time()

    async def _listen_tcp(self, upstream: Address) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._through.wait()
            try:
                far_reader, far_writer = await asyncio.open_connection(*upstream)
            except OSError:
                writer.transport.abort()
                return
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))

        server = await asyncio.start_server(serve, LOOPBACK, 0)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction of a stream, holding it while the leg is cut."""
        with contextlib.suppress(OSError):
            while piece := await reader.read(65536):
                await self._through.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def _listen_udp(self, upstream: Address) -> int:
        front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        front.bind((LOOPBACK, 0))
        front.setblocking(False)  # noqa: FBT003 — the standard library has it so
        transport, _ = await self._loop.create_datagram_endpoint(lambda: _Front(self, upstream), sock=front)
        port: int = transport.get_extra_info("sockname")[1]
        return port

    def passes(self) -> bool:
        """Whether the next datagram gets through."""
        return self._through.is_set() and self._random.random() >= self.drop_ratio


class _Front(asyncio.DatagramProtocol):
    """The side that the site sees; one upstream socket per client address."""

    def __init__(self, relay: Relay, upstream: Address) -> None:
        self.relay = relay
        self.upstream = upstream
        self.clients: dict[Address, asyncio.DatagramTransport] = {}
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)  # Python 3.11 does not say so in its class

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if self.relay.passes():
            asyncio.get_running_loop().create_task(self._forward(data, addr))

    async def _forward(self, data: bytes, client: Address) -> None:
        if self.relay.delay_s:
            await asyncio.sleep(self.relay.delay_s)
        if client not in self.clients:
            loop = asyncio.get_running_loop()
            self.clients[client], _ = await loop.create_datagram_endpoint(lambda: _Back(self, client), remote_addr=self.upstream)
        self.clients[client].sendto(data)


class _Back(asyncio.DatagramProtocol):
    """The side that the server sees, for one client."""

    def __init__(self, front: _Front, client: Address) -> None:
        self.front = front
        self.client = client

    def datagram_received(self, data: bytes, addr: Address) -> None:  # noqa: ARG002 — the base class's signature
        if not self.front.relay.passes():
            return
        delay_s = self.front.relay.delay_s
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, self.front.transport.sendto, data, self.client)
        else:
            self.front.transport.sendto(data, self.client)

    def error_received(self, exc: Exception) -> None:
        """The server is not there (yet): the datagram is lost, as on a network."""
