"""Starts a child that uses a heavy library and gets its answer; whatever happens there is an answer with a failure name here.

scapy costs 0.3 s and 40 MB, and sends what it is told; pysnmp costs 0.1 s and 33 MB: they live in such children only, which are
over after some seconds.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

import probes
from contract.readings import Failure

LONGEST_S = 5.0
"""A child is over by then, whatever happens: it ends itself, and its parent kills it."""
_MAX_OUTPUT_BYTES = 64 * 1024
_FAILURES = {
    errno.EPERM: Failure.PERMISSION,
    errno.EACCES: Failure.PERMISSION,
    errno.ENODEV: Failure.ABSENT,
    errno.ENETUNREACH: Failure.UNREACHABLE,
    errno.EHOSTUNREACH: Failure.UNREACHABLE,
    errno.ENETDOWN: Failure.UNREACHABLE,
}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What every child's answer can say.

    Attributes:
        failure: Why nothing was measured.
        error: In a few words, for the log.
    """

    failure: Failure | None = None
    error: str = ""


_Answer = TypeVar("_Answer", bound=Answer)
_Request = TypeVar("_Request", bound=msgspec.Struct)


def command_of(module: str) -> tuple[str, ...]:
    """Command line of a child."""
    return sys.executable, "-m", module


def ask(request: msgspec.Struct, kind: type[_Answer], command: Sequence[str], *, deadline_s: float = LONGEST_S) -> _Answer:
    """An answer, by a child that is killed at its deadline with all that it may have started.

    Args:
        request: What is asked, on the child's standard input.
        kind: What is answered, on its standard output.
        command: The child.
        deadline_s: For starting, importing, asking and answering.
    """
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=_environment(),
        )
    except OSError as error:
        return _failed(kind, Failure.CRASHED, str(error))
    with child:
        try:
            said, complaint = child.communicate(msgspec.json.encode(request), timeout=deadline_s)
        except subprocess.TimeoutExpired:
            return _failed(kind, Failure.TIMEOUT, f"killed after {deadline_s:g} s")
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
    if child.returncode == -signal.SIGALRM:
        return _failed(kind, Failure.TIMEOUT, f"ended itself after {LONGEST_S:g} s")
    try:
        return msgspec.json.decode(said[:_MAX_OUTPUT_BYTES], type=kind)
    except ValueError:
        lines = complaint.decode("utf-8", "replace").strip().splitlines()
        return _failed(kind, Failure.CRASHED, f"exit status {child.returncode}: {lines[-1] if lines else 'no answer'}")


def _failed(kind: type[_Answer], failure: Failure, error: str) -> _Answer:
    return kind(failure=failure, error=error[:300])


def _environment() -> dict[str, str]:
    """Our packages are found also when they are not installed."""
    root = str(Path(probes.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))])}


# From here on: within the child.


def answer(asked: bytes, request_kind: type[_Request], kind: type[_Answer], measure: Callable[[_Request], _Answer]) -> _Answer:
    """What is printed; whatever goes wrong has a name."""
    try:
        request = msgspec.json.decode(asked, type=request_kind)
    except ValueError as error:
        return _failed(kind, Failure.BAD_DATA, str(error))
    try:
        return measure(request)
    except OSError as error:
        return _failed(kind, _FAILURES.get(error.errno or 0, Failure.UNREACHABLE), str(error))
    except Exception as error:  # noqa: BLE001 — the one net around the child; what a library raises is its own
        return _failed(kind, Failure.CRASHED, f"{type(error).__name__}: {error}")


def main(answer_to: Callable[[bytes], Answer]) -> int:
    """Answer the request of standard input; the default action of the alarm ends what takes too long."""
    signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
    for library in ("scapy", "pysnmp"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    with contextlib.redirect_stdout(sys.stderr):
        said = answer_to(sys.stdin.buffer.read())
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    return 0


def word(octets: bytes, longest: int) -> str:
    """What a stranger says, safe to be shown: printable, composed, short."""
    text = unicodedata.normalize("NFC", octets.decode("utf-8", "replace")).replace("\ufffd", "")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:longest]
