"""A real Mosquitto, a relay that can cut a link, and the two ends as processes that can be killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from control_center.broker.configuration import CENTER_USER, Listener, Plan, Purpose
from control_center.broker.supervise import Broker

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PASSWORDS = {CENTER_USER: "center-secret", "an-nhon": "an-nhon-secret", "hoai-nhon": "hoai-nhon-secret"}


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Relay:
    """TCP relay before the broker. `cut` ends all connections and refuses new ones; `freeze` only stops forwarding."""

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._flowing = threading.Event()
        self._flowing.set()
        self._cut = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                try:
                    if self._cut:
                        raise OSError("cut")  # noqa: TRY301
                    far = socket.create_connection(self._target, timeout=5)
                    far.settimeout(None)
                except OSError:
                    near.close()
                    continue
                with self._lock:
                    self._pairs.append((near, far))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                self._flowing.wait()
                sink.sendall(chunk)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def cut(self) -> None:
        self._cut = True
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for sock in (one for pair in pairs for one in pair):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def freeze(self) -> None:
        self._flowing.clear()

    def mend(self) -> None:
        self._cut = False
        self._flowing.set()

    def close(self) -> None:
        self.mend()
        self._server.close()
        self.cut()


class Driver:
    """One of the two ends as a process of its own."""

    def __init__(self, script: str, *arguments: object, log: Path) -> None:
        self._command = [sys.executable, str(HERE / script), *map(str, arguments)]
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(self._command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log)

    def kill(self) -> None:
        """As the power does it."""
        if self._child is not None:
            self._child.kill()
            self._child.wait(30)

    def finish(self, limit_s: float = 60.0) -> None:
        """Ask it to end when its work is done; it must do so with status 0."""
        assert self._child is not None
        self._child.send_signal(signal.SIGTERM)
        try:
            status = self._child.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self._command[1]} did not finish:\n{self.tail()}") from None
        assert status == 0, self.tail()

    def tail(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]


def _until(condition: Callable[[], object], what: str = "it", limit_s: float = 60.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, f"{what} did not come true in {limit_s:.0f} s"
        time.sleep(0.02)


class House:
    """Where the parts of one test find each other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sites_port, self.center_port = _free_port(), _free_port()
        plan = Plan((Listener(self.sites_port), Listener(self.center_port, Purpose.CENTER)), PASSWORDS)
        self.broker = Broker(plan, folder / "broker")
        self.broker.start()
        self.relay = Relay(self.sites_port)
        self.until = _until
        self.passwords = PASSWORDS

    def driver(self, script: str, *arguments: object, log: Path) -> Driver:
        return Driver(script, *arguments, log=log)

    def new_relay(self, port: int) -> Relay:
        return Relay(port)

    def kill_broker(self) -> None:
        """Kill -9; its supervisor starts it again."""
        pid = self.broker.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        self.relay.close()
        self.broker.stop()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path)
    yield built
    built.close()


FreePort = Callable[[], int]
Until = Callable[[Callable[[], object], str], None]


@pytest.fixture
def free_port() -> FreePort:
    return _free_port


@pytest.fixture
def until() -> Until:
    """Waits for a condition, with generous patience."""
    return _until
