from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from demo.relay import LOOPBACK, Relay


@pytest.fixture
def relay() -> Iterator[Relay]:
    made = Relay()
    yield made
    made.close()


@pytest.fixture
def echo_udp() -> Iterator[tuple[str, int]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((LOOPBACK, 0))
        server.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    words, sender = server.recvfrom(2000)
                except TimeoutError:
                    continue
                server.sendto(words.upper(), sender)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()
        over.set()
        thread.join()


@pytest.fixture
def echo_tcp() -> Iterator[tuple[str, int]]:
    server = socket.create_server((LOOPBACK, 0))

    def serve() -> None:
        try:
            stream, _ = server.accept()
        except OSError:
            return
        with stream:
            while words := stream.recv(2000):
                stream.sendall(words.upper())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()
    server.close()


def ask(client: socket.socket, words: bytes) -> bytes:
    try:
        client.send(words)
        return client.recv(2000)
    except TimeoutError:
        return b""


def udp_client(port: int) -> socket.socket:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect((LOOPBACK, port))
    client.settimeout(0.5)
    return client


def test_datagrams_pass_until_the_leg_is_cut_and_again_afterwards(relay: Relay, echo_udp: tuple[str, int]) -> None:
    with udp_client(relay.udp(echo_udp)) as client:
        assert ask(client, b"a") == b"A"
        cut_at = relay.cut()
        assert ask(client, b"lost") == b""
        assert relay.restore() > cut_at
        assert ask(client, b"b") == b"B"


def test_two_clients_of_one_port_are_not_mixed_up(relay: Relay, echo_udp: tuple[str, int]) -> None:
    port = relay.udp(echo_udp)
    with udp_client(port) as one, udp_client(port) as two:
        one.send(b"one")
        two.send(b"two")
        assert (two.recv(99), one.recv(99)) == (b"TWO", b"ONE")


def test_a_stream_stalls_during_a_cut_and_goes_on_where_it_was(relay: Relay, echo_tcp: tuple[str, int]) -> None:
    with socket.create_connection((LOOPBACK, relay.tcp(echo_tcp))) as client:
        client.settimeout(5)
        assert ask(client, b"a") == b"A"
        relay.cut()
        client.settimeout(0.5)
        assert ask(client, b"b") == b""
        relay.restore()
        client.settimeout(5)
        assert client.recv(99) == b"B"


def test_all_datagrams_are_lost_where_all_are_to_be_lost(relay: Relay, echo_udp: tuple[str, int]) -> None:
    relay.drop_ratio = 1.0
    with udp_client(relay.udp(echo_udp)) as client:
        assert ask(client, b"a") == b""
