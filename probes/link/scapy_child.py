"""Starts the path's child and gets its answer; whatever happens there is an answer with a failure name here."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

import probes
from contract.readings import Failure
from probes.link.path_protocol import LONGEST_S, PathAnswer, PathRequest

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "probes.link.path")
_MAX_OUTPUT_BYTES = 64 * 1024
_REAPED_S = 1.0


def ask(request: PathRequest, *, deadline_s: float = LONGEST_S, command: Sequence[str] = COMMAND) -> PathAnswer:
    """The path, by a child that is killed at its deadline with all that it may have started.

    Args:
        request: Which path.
        deadline_s: For starting, importing, asking and answering.
        command: The child.
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
        return _failed(request, Failure.CRASHED, str(error))
    with child:
        try:
            said, complaint = child.communicate(msgspec.json.encode(request), timeout=deadline_s)
        except subprocess.TimeoutExpired:
            return _failed(request, Failure.TIMEOUT, f"killed after {deadline_s:g} s")
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
    if child.returncode == -signal.SIGALRM:
        return _failed(request, Failure.TIMEOUT, f"ended itself after {LONGEST_S:g} s")
    try:
        return msgspec.json.decode(said[:_MAX_OUTPUT_BYTES], type=PathAnswer)
    except ValueError:
        lines = complaint.decode("utf-8", "replace").strip().splitlines()
        return _failed(request, Failure.CRASHED, f"exit status {child.returncode}: {lines[-1] if lines else 'no answer'}")


def _failed(request: PathRequest, failure: Failure, error: str) -> PathAnswer:
    return PathAnswer(failure=failure, error=error[:300], dscp=request.dscp)


def _environment() -> dict[str, str]:
    """Our packages are found also when they are not installed."""
    root = str(Path(probes.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))])}
