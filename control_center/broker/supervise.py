"""Mosquitto as our child: started with the generated configuration, started again when it dies, stopped by pid."""

from __future__ import annotations

import contextlib
import getpass
import logging
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

from control_center.broker import files
from control_center.broker.configuration import Plan

log = logging.getLogger(__name__)

LOG_BYTES = 4 * 1024 * 1024
"""A larger log file is put aside at the next start (one is kept)."""
LONGEST_PAUSE_S = 10.0


class BrokerError(RuntimeError):
    """The broker cannot be started; the text says why, in its own words."""


def find_mosquitto() -> str:
    """Path of the program; Debian's lies where an ordinary user's PATH does not look.

    Raises:
        BrokerError: if it is not installed.
    """
    found = shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if found is None:
        raise BrokerError("mosquitto is not installed: apt install mosquitto")
    return found


class Broker:
    """A supervised Mosquitto.

    Args:
        plan: What it is told; without `run_as` it stays the user that we are.
        folder: Its files: configuration, passwords, log, pid.
        executable: The program; empty: found on the machine.
    """

    def __init__(self, plan: Plan, folder: Path, *, executable: str = "") -> None:
        self.plan = plan if plan.run_as else replace(plan, run_as=getpass.getuser())
        self.folder = folder.resolve()
        self.restarts = 0
        """How often it had to be started again."""
        self._log_begin = 0
        self._executable = executable or find_mosquitto()
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._watch: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it lives."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def start(self, timeout_s: float = 10.0) -> None:
        """Start it and wait until it answers; from then on it is started again whenever it dies.

        Raises:
            BrokerError: if it does not come up, with the end of its log.
        """
        files.write(self.plan, self.folder)
        self._end_orphan()
        self._stopping.clear()
        self._spawn()
        if not self._answers(timeout_s):
            self._end_child()
            raise BrokerError(f"mosquitto did not come up: {self.log_tail()}")
        self._watch = threading.Thread(target=self._keep_alive, name="broker-watch", daemon=True)
        self._watch.start()
        log.info("broker: mosquitto (pid %s) listens on %s", self.pid, ", ".join(f"{x.address}:{x.port}" for x in self.plan.listeners))

    def reload(self, plan: Plan) -> None:
        """Take up changed accounts without dropping a connection (listeners need a restart)."""
        self.plan = plan if plan.run_as else replace(plan, run_as=self.plan.run_as)
        files.write(self.plan, self.folder)
        if self.pid is not None:
            os.kill(self.pid, signal.SIGHUP)

    def stop(self) -> None:
        """End it."""
        self._stopping.set()
        if self._watch is not None:
            self._watch.join(15.0)
        self._end_child()
        (self.folder / "mosquitto.pid").unlink(missing_ok=True)

    def log_tail(self, lines: int = 5) -> str:
        """The last lines of its log, in one."""
        try:
            text = (self.folder / "mosquitto.log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "no log"
        return " | ".join(text.splitlines()[-lines:])

    def _spawn(self) -> None:
        path = self.folder / "mosquitto.log"
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as output:
            self._log_begin = output.tell()
            self._child = subprocess.Popen(
                [self._executable, "-c", str(self.folder / "mosquitto.conf")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # It would tell systemd that it is ready, as if it were the center.
                env={name: word for name, word in os.environ.items() if name != "NOTIFY_SOCKET"},
                start_new_session=True,  # Ctrl-C is for us; we stop it when the clients have said goodbye
            )
        (self.folder / "mosquitto.pid").write_text(f"{self._child.pid}\n", encoding="ascii")

    def _answers(self, timeout_s: float) -> bool:
        until = time.monotonic() + timeout_s
        while time.monotonic() < until and self.pid is not None and not self._stopping.is_set():
            # Its own word first: on a port in use somebody else would answer.
            if self._says_running() and all(_listens(listener.address, listener.port) for listener in self.plan.listeners):
                return self.pid is not None
            time.sleep(0.03)
        return False

    def _says_running(self) -> bool:
        with (self.folder / "mosquitto.log").open("rb") as file:
            file.seek(self._log_begin)
            return b" running" in file.read()

    def _keep_alive(self) -> None:
        pause_s = 0.1
        while not self._stopping.is_set():
            child, began_at = self._child, time.monotonic()
            while child is not None and child.poll() is None:
                if self._stopping.wait(0.1):
                    return
            if time.monotonic() - began_at > LONGEST_PAUSE_S:
                pause_s = 0.1
            log.error("broker: mosquitto died (status %s), started again: %s", child.returncode if child else "", self.log_tail(2))
            if self._stopping.wait(pause_s):
                return
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
            self.restarts += 1
            try:
                self._spawn()
            except OSError:
                log.exception("broker: mosquitto cannot be started")

    def _end_child(self) -> None:
        child = self._child
        if child is None or child.poll() is not None:
            return
        child.terminate()
        try:
            child.wait(5.0)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(5.0)

    def _end_orphan(self) -> None:
        """End a broker of ours that outlived a killed parent: it holds the port."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.folder / "mosquitto.pid").read_text(encoding="ascii"))
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if str(self.folder / "mosquitto.conf").encode() not in words:
                return
            log.warning("broker: ending mosquitto (pid %d), left over from a run that was killed", pid)
            os.kill(pid, signal.SIGTERM)
            until = time.monotonic() + 5.0
            while Path(f"/proc/{pid}/cmdline").read_bytes() and time.monotonic() < until:  # empty: dead, not yet reaped
                time.sleep(0.05)


def _listens(address: str, port: int) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(address, address)  # noqa: S104 — to ask, not to listen
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True
