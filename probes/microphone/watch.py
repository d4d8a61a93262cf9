"""The microphone watch: a child that listens through a whole meeting and tells a fault the moment it begins.

``python -m probes.microphone.watch``; what goes in and out is declared in `probes.microphone.watch_protocol`. No sound is
kept, written or sent: only figures leave this process, and where the room allows it a picture of a howl stays on its disk.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: its threads cost memory and help nobody here

import msgspec

from contract import catalog
from contract.findings import Finding
from contract.messages import ProbeReport
from contract.readings import Failure, Reading
from probes.microphone.limits import MicrophoneSettings
from probes.microphone.listen import Listener
from probes.microphone.picture import HowlPictures
from probes.microphone.probe import of_failure
from probes.microphone.reference import load_reference
from probes.microphone.sound import Source, SourceError
from probes.microphone.source import is_file, look_again_for_devices, open_source
from probes.microphone.watch_protocol import WatchLine, WatchRequest

_LOG = logging.getLogger(__name__)
_TELL_EVERY_S = 1.0
_TRY_AGAIN_S = 3.0


class Watch:
    """Listens until it is told to stop, through failures of its source."""

    def __init__(self, request: WatchRequest, out: BinaryIO, stop: threading.Event) -> None:
        self._settings, self._limits, self._look = request.settings, request.limits, request.look
        self._out, self._stop = out, stop
        self._failing: tuple[Failure, list[Finding]] | None = None

    def run(self) -> None:
        """Listen, and open the source again whenever it fails."""
        if not self._settings.fitted or self._settings.sound_in_codec:
            self._idle(Failure.NOT_FITTED if not self._settings.fitted else Failure.UNSUPPORTED)
            return
        while not self._stop.is_set():
            try:
                source = open_source(self._settings, in_real_time=True)
                try:
                    self._listen(source)
                finally:
                    source.close()
            except SourceError as error:
                self._fail(error)
                _look_again(self._settings)

    def _idle(self, failure: Failure) -> None:
        """Nothing to hear here; say so as long as somebody asks."""
        while not self._stop.is_set():
            self._say("levels", [catalog.missing("microphone.level_dbfs", failure, at=datetime.now(UTC))], [])
            self._stop.wait(_TELL_EVERY_S)

    def _listen(self, source: Source) -> None:
        listener = Listener(
            source,
            self._settings,
            self._limits,
            self._look.phase,
            reference=load_reference(self._look.state_directory),
            limits_version=self._look.limits_version,
        )
        told_at_s, dates = 0.0, _Dates(listener)
        pictures = HowlPictures(self._look.state_directory if self._settings.keep_pictures else "", source)
        try:
            for block in source.blocks():
                if self._stop.is_set():
                    return
                self._recover()
                pictures.hear(block.samples)
                for change in listener.push(block):
                    self._say(change.kind, [], [dates.put_on(change.finding)], source.name)
                    pictures.see(change)
                if listener.heard_s - told_at_s >= _TELL_EVERY_S - 1e-6:
                    told_at_s = listener.heard_s
                    holding = [dates.put_on(finding) for finding in listener.holding()]
                    self._say("levels", listener.readings(datetime.now(UTC)), holding, source.name)
                    listener.start_summary()
        except SourceError:
            for change in listener.finish():
                self._say(change.kind, [], [dates.put_on(change.finding)], source.name)
            raise

    def _fail(self, error: SourceError) -> None:
        """Tell a failure once, then repeat it as a sign of life until it is time to try again."""
        readings, findings = of_failure(error.failure, self._settings, self._look, datetime.now(UTC))
        if self._failing is None or self._failing[0] is not error.failure:
            _LOG.warning("%s", error)
            self._recover()
            self._failing = (error.failure, findings)
            for finding in findings:
                self._say("onset", readings, [finding])
        until = time.monotonic() + _TRY_AGAIN_S
        while not self._stop.is_set() and time.monotonic() < until:
            self._say("levels", [catalog.missing("microphone.level_dbfs", error.failure, at=datetime.now(UTC))], self._failing[1])
            self._stop.wait(_TELL_EVERY_S)

    def _recover(self) -> None:
        """There is sound (or another failure): the failure before is over."""
        if self._failing is None:
            return
        _LOG.warning("microphone %s: no longer %s", self._settings.source, self._failing[0].value)
        for finding in self._failing[1]:
            self._say("cleared", [], [finding])
        self._failing = None

    def _say(self, kind: str, readings: list[Reading], findings: list[Finding], source: str = "") -> None:
        report = ProbeReport(
            probe="microphone",
            began_at=datetime.now(UTC),
            duration_s=0.0,
            readings=tuple(readings),
            findings=tuple(findings),
            source=source or self._settings.source,
        )
        line = WatchLine(kind=kind, report=report)  # type: ignore[arg-type]  # callers pass the three literals
        self._out.write(msgspec.json.encode(line) + b"\n")
        self._out.flush()


class _Dates:
    """Begin of each finding in UTC: reckoned back from the clock when it is first told, since sound cards' clocks drift, then kept."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._known: dict[tuple[str, str, float | None], datetime] = {}

    def put_on(self, finding: Finding) -> Finding:
        """The finding with its begin; the same for its onset, its repetitions and its end."""
        event = (*finding.key, finding.detected_at_s)
        since = self._known.get(event)
        if since is None:
            ago_s = max(0.0, self._listener.heard_s - (finding.started_at_s or 0.0))
            since = self._known[event] = datetime.now(UTC) - timedelta(seconds=ago_s)
        if finding.ended_at_s is not None:
            del self._known[event]
        return msgspec.structs.replace(finding, since=since)


def _look_again(settings: MicrophoneSettings) -> None:
    """Let PortAudio see a device that came back; a file needs none of it."""
    if is_file(settings.source):
        return
    try:
        look_again_for_devices()
    except SourceError as error:
        _LOG.debug("%s", error)


def _stop_at_end(pipe: BinaryIO, stop: threading.Event) -> None:
    """Wait until the daemon closes its end of the pipe, or dies."""
    while pipe.read(4096):
        pass
    stop.set()
    time.sleep(2)
    os._exit(0)  # a driver that hangs must not outlive the daemon


def main() -> int:
    """Read the request, listen until standard input closes."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=WatchRequest)
    stop = threading.Event()
    threading.Thread(target=_stop_at_end, args=(sys.stdin.buffer, stop), daemon=True).start()
    try:
        Watch(request, sys.stdout.buffer, stop).run()
    except BrokenPipeError:
        os._exit(0)  # nobody listens any more; closing stdout would complain again
    return 0


if __name__ == "__main__":
    sys.exit(main())
