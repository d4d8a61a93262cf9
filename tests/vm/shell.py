"""Commands of this machine and of the two under test: one way to run them, with their words in the error when they fail."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

AnswerT = TypeVar("AnswerT")
Answer = subprocess.CompletedProcess[str]


class RigError(RuntimeError):
    """The rig could not do what was asked; the message says what it tried and what came back."""


def run(*command: str | Path, timeout_s: float = 120.0, check: bool = True, cwd: Path | None = None, given: str | None = None) -> Answer:
    """Run a command here and wait for it.

    Raises:
        RigError: it failed (with `check`) or did not end in time.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False, cwd=cwd, input=given)
    except subprocess.TimeoutExpired:
        raise RigError(f"did not end within {timeout_s:g} s: {shlex.join(words)}") from None
    if check and done.returncode:
        raise RigError(f"{shlex.join(words)} ended with {done.returncode}:\n{tail(done.stdout + done.stderr)}")
    return done


def tail(text: str, lines: int = 40) -> str:
    """The last lines of what a program said."""
    return "\n".join(text.rstrip().splitlines()[-lines:])


def wait_for(what: str, look: Callable[[], AnswerT], *, limit_s: float, every_s: float = 2.0) -> AnswerT:
    """The first true answer of `look`; what it raises as `RigError` counts as "not yet".

    Raises:
        RigError: there was none within `limit_s`, with the last reason.
    """
    until_s = time.monotonic() + limit_s
    reason = ""
    while True:
        try:
            answer = look()
        except RigError as error:
            reason = f"\nthe last try said: {error}"
        else:
            if answer:
                return answer
            reason = f"\nthe last try said: {answer!r}"
        if time.monotonic() >= until_s:
            raise RigError(f"waited {limit_s:g} s in vain: {what}{reason}")
        time.sleep(every_s)


class Child:
    """A process of the rig in a session of its own, known by its id and by when it began, so that no other is ever ended for it."""

    def __init__(self, pid: int, began: str) -> None:
        self.pid, self.began = pid, began

    @classmethod
    def start(cls, *command: str | Path, log: Path) -> Child:
        """Start it, its words going to `log`."""
        with log.open("ab") as words:
            process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True
            )
        return cls(process.pid, _began(process.pid))

    def lives(self) -> bool:
        """Whether it still runs."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        return bool(self.began) and _began(self.pid) == self.began

    def end(self, sign: signal.Signals = signal.SIGTERM, grace_s: float = 20.0) -> None:
        """Ask it to end, and kill it if it does not."""
        for each, wait_s in ((sign, grace_s), (signal.SIGKILL, 10.0)):
            if not self.lives():
                return
            os.kill(self.pid, each)
            until_s = time.monotonic() + wait_s
            while self.lives() and time.monotonic() < until_s:
                time.sleep(0.1)


def _began(pid: int) -> str:
    """Start of a process in clock ticks since boot; empty if there is none or only its corpse."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


class Remote:
    """A machine reached by SSH from inside a network namespace.

    Args:
        namespace: Where the way to it begins.
        address: Its address there.
        key: Private key of root.
        known_hosts: File of this run for host keys.
    """

    def __init__(self, namespace: str, address: str, key: Path, known_hosts: Path) -> None:
        self.address = address
        options = {
            "UserKnownHostsFile": str(known_hosts),
            "StrictHostKeyChecking": "accept-new",
            "ConnectTimeout": "15",
            "ServerAliveInterval": "10",
            "LogLevel": "ERROR",
            "BatchMode": "yes",
        }
        self._ssh = [word for name, text in options.items() for word in ("-o", f"{name}={text}")] + ["-i", str(key)]
        self._enter = ["ip", "netns", "exec", namespace]

    def sh(self, script: str, *, timeout_s: float = 180.0, check: bool = True, given: str | None = None) -> Answer:
        """Run a shell script there as root."""
        return run(*self._enter, "ssh", *self._ssh, f"root@{self.address}", script, timeout_s=timeout_s, check=check, given=given)

    def out(self, script: str, *, timeout_s: float = 180.0) -> str:
        """What a script there prints."""
        return self.sh(script, timeout_s=timeout_s).stdout.strip()

    def put(self, *sources: Path, to: str, timeout_s: float = 600.0) -> None:
        """Copy files there."""
        run(*self._enter, "scp", "-q", *self._ssh, *sources, f"root@{self.address}:{to}", timeout_s=timeout_s)

    def get(self, source: str, to: Path) -> None:
        """Copy a file from there."""
        run(*self._enter, "scp", "-q", *self._ssh, f"root@{self.address}:{source}", to)

    def answers(self) -> bool:
        """Whether one can log in."""
        return self.sh("true", timeout_s=40).returncode == 0
