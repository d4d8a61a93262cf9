from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from contract import stamp
from contract.stamp import ReflectorPacket

Answers = Callable[[stamp.SenderPacket, int], list[bytes]]


def honest(packet: stamp.SenderPacket, count: int) -> list[bytes]:
    """A stateful reflector that answers at once."""
    return [
        stamp.pack_reflector(
            ReflectorPacket(seq=count, sent=1, received=1, sender_seq=packet.seq, sender_sent=packet.sent, ssid=packet.ssid)
        )
    ]


class FakeReflector:
    """A reflector on loopback that answers as it is told to; keeps what it got."""

    def __init__(self, answers: Answers, host: str) -> None:
        self.got: list[bytes] = []
        self.answers = answers
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                octets, sender = self._socket.recvfrom(2048)
                if not octets:
                    return
                self.got.append(octets)
                for answer in self.answers(stamp.unpack_sender(octets), len(self.got)):
                    self._socket.sendto(answer, sender)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()


@pytest.fixture
def reflector() -> Iterator[Callable[..., FakeReflector]]:
    made: list[FakeReflector] = []

    def make(answers: Answers = honest, host: str = "127.0.0.1") -> FakeReflector:
        made.append(FakeReflector(answers, host))
        return made[-1]

    yield make
    for one in made:
        one.close()
