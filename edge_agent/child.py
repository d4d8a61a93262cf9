"""One run of one probe that can neither hang nor hurt the daemon: heavy ones in a child process, light ones in a thread.

Whatever happens, the caller gets a report: of a run that hung or broke it says so, and that nothing was measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

import probes
from contract.catalog import METRICS, finding, missing
from contract.messages import ProbeReport
from contract.readings import Failure
from probes.interface import Look
from probes.registry import PROBES, ProbeEntry

log = logging.getLogger(__name__)

MAX_OUTPUT_BYTES = 4 * 1024 * 1024
"""A child that says more is broken, and killed."""
GRACE_S = 1.0
"""A probe honours its deadline by itself; what is late by more than this is killed."""
KEPT_ERROR_CHARACTERS = 300
"""Of a traceback, in the finding; the whole of it goes to the log."""


class _TooMuchError(Exception):
    """The child's output has no end."""


class _ChildError(Exception):
    """The child ended badly; the text says how."""


_told: dict[str, str] = {}
"""What was logged last of each probe's crashes: the same one again is not worth another traceback."""


def _log_once(name: str, told: str, whole: str) -> None:
    if _told.get(name) != told:
        _told[name] = told
        log.error("probe %s crashed: %s\n%s", name, told, whole.strip())


async def run_probe(name: str, settings: msgspec.Struct, limits: msgspec.Struct, look: Look) -> ProbeReport:
    """Run one probe once, within ``look.deadline_s`` and a second of grace.

    Returns:
        The probe's report, or one with ``agent.probe_timeout`` or ``agent.probe_crashed`` and its essential figures missing.
    """
    entry = PROBES[name]
    if not getattr(settings, "fitted", True):
        return not_measured(name, Failure.NOT_FITTED)
    began_at, began_s = datetime.now(UTC), time.monotonic()
    try:
        if entry.heavy:
            report = await _in_child(name, settings, limits, look)
        else:
            report = await _in_thread(entry, settings, limits, look)
    except TimeoutError:
        lasted_s = time.monotonic() - _under_way.get(name, began_s)
        log.warning("probe %s was stopped after %.1f s (deadline %.1f s)", name, lasted_s, look.deadline_s)
        return timed_out(name, look, lasted_s, began_at)
    except _ChildError as error:
        return crashed(name, look, str(error), began_at)
    except Exception as error:  # noqa: BLE001 — the one broad net around a whole probe run
        told = _last_line(error)
        _log_once(name, told, "".join(traceback.format_exception(error)))
        return crashed(name, look, told, began_at)
    _told.pop(name, None)
    return report


def timed_out(name: str, look: Look, lasted_s: float, began_at: datetime | None = None) -> ProbeReport:
    """Report of a run that was not done in time."""
    found = finding(
        "agent.probe_timeout",
        look.phase,
        target=name,
        figure=round(lasted_s, 1),
        limit=look.deadline_s,
        unit="s",
        limits_version=look.limits_version,
    )
    report = not_measured(name, Failure.TIMEOUT, began_at, lasted_s)
    return msgspec.structs.replace(report, findings=(found,))


def crashed(name: str, look: Look, error: str, began_at: datetime | None = None) -> ProbeReport:
    """Report of a run that broke."""
    found = finding("agent.probe_crashed", look.phase, target=name, details={"error": error[-KEPT_ERROR_CHARACTERS:]})
    report = not_measured(name, Failure.CRASHED, began_at)
    return msgspec.structs.replace(report, findings=(found,))


def not_measured(name: str, failure: Failure, began_at: datetime | None = None, lasted_s: float = 0.0) -> ProbeReport:
    """Report that gives the same reason for every essential figure of a component."""
    at = began_at or datetime.now(UTC)
    essential = [spec.name for spec in METRICS.values() if spec.essential and spec.name.startswith(f"{name}.")]
    return ProbeReport(
        probe=name, began_at=at, duration_s=lasted_s, readings=tuple(missing(metric, failure, at=at) for metric in essential)
    )


def _last_line(error: BaseException) -> str:
    return traceback.format_exception_only(error)[-1].strip()


async def _in_child(name: str, settings: msgspec.Struct, limits: msgspec.Struct, look: Look) -> ProbeReport:
    request = msgspec.json.encode(
        {
            "probe": name,
            "settings": msgspec.to_builtins(settings),
            "limits": msgspec.to_builtins(limits),
            "look": msgspec.to_builtins(look),
        }
    )
    process = await start_child("probes")
    tail = asyncio.create_task(keep_tail(process.stderr))
    try:
        async with asyncio.timeout(look.deadline_s + GRACE_S):
            output = await _converse(process, request)
            status = await process.wait()
    finally:
        await end_child(process)
        said = await _finish(tail)
    if status != 0:
        told = _reason(status, said)
        _log_once(name, told, said)
        raise _ChildError(told)
    return msgspec.json.decode(output, type=ProbeReport)


async def start_child(module: str) -> asyncio.subprocess.Process:
    """Start ``python -m module`` in a process group of its own that dies with the daemon."""
    command = [sys.executable, "-m", module]
    guard = _dies_with_us()
    if guard:
        command = [guard, "--pdeathsig", "KILL", "--", *command]
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        limit=MAX_OUTPUT_BYTES,
        env=_environment(),
    )


@functools.cache
def _dies_with_us() -> str:
    """util-linux's setpriv: without it a child that hangs would outlive a daemon killed with -9."""
    return shutil.which("setpriv") or ""


def _environment() -> dict[str, str]:
    """One thread per child (the site PC has few cores), and our packages found also when they are not installed."""
    root = str(Path(probes.__file__).parents[1])
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    single = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **single, "PYTHONPATH": os.pathsep.join(paths)}


async def _converse(process: asyncio.subprocess.Process, request: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(request)
        await process.stdin.drain()
        process.stdin.close()
    output = bytearray()
    while chunk := await process.stdout.read(65536):
        output += chunk
        if len(output) > MAX_OUTPUT_BYTES:
            raise _TooMuchError(f"more than {MAX_OUTPUT_BYTES} bytes of output")
    return bytes(output)


async def keep_tail(stream: asyncio.StreamReader | None, kept_bytes: int = 8192) -> str:
    """Read a stream to its end and keep only the last bytes of it."""
    tail = b""
    while stream is not None and (chunk := await stream.read(8192)):
        tail = (tail + chunk)[-kept_bytes:]
    return tail.decode("utf-8", "replace")


async def _finish(task: asyncio.Task[str]) -> str:
    """Result of a task that should be over; empty if something still holds the stream open."""
    try:
        async with asyncio.timeout(1.0):
            return await task
    except TimeoutError:
        return ""


async def end_child(process: asyncio.subprocess.Process) -> None:
    """Kill a child and all that it started; does nothing to one that has ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _reason(status: int, said: str) -> str:
    how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    lines = [line for line in said.strip().splitlines() if line.strip()]
    return f"{how}: {lines[-1].strip()}" if lines else how


async def _in_thread(entry: ProbeEntry, settings: msgspec.Struct, limits: msgspec.Struct, look: Look) -> ProbeReport:
    """Run a light probe beside the loop. A thread cannot be killed: one that hangs is left behind."""
    name = entry.component.value
    if name in _under_way:
        raise TimeoutError
    async with asyncio.timeout(look.deadline_s + GRACE_S):
        return await in_daemon_thread(lambda: entry.load()(settings, limits, look), name)


_under_way: dict[str, float] = {}
"""Light probes whose thread has not come back, and when it began, by the monotonic clock."""


def in_daemon_thread(work: Callable[[], ProbeReport], name: str) -> asyncio.Future[ProbeReport]:
    """Future of `work`, run in a thread that does not keep the process alive when it hangs."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[ProbeReport] = loop.create_future()

    def settle(report: ProbeReport | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        elif report is not None:
            future.set_result(report)

    def body() -> None:
        report: ProbeReport | None = None
        error: BaseException | None = None
        try:
            report = work()
        except BaseException as caught:  # noqa: BLE001 — handed to the waiting side
            error = caught
        _under_way.pop(name, None)
        with contextlib.suppress(RuntimeError):  # the loop may be gone when a late thread ends
            loop.call_soon_threadsafe(settle, report, error)

    thread = threading.Thread(target=body, name=f"probe-{name}", daemon=True)
    _under_way[name] = time.monotonic()
    thread.start()
    return future
