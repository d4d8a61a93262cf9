"""The approved sound of the room: recorded while somebody speaks, approved by a named person, kept with its history (R27)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from contract.catalog import sentence
from contract.catalog.words import quantity
from contract.meetings import Phase
from contract.messages import ProbeReport
from contract.toml_file import ConfigError
from edge_agent import keep, wording
from edge_agent.child import run_probe
from edge_agent.config import Configuration
from probes.interface import Look
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.reference import REFERENCE_FILE, AudioReference, ChannelFigures, figures_of

WELL, DRIFTED, COULD_NOT = 0, 1, 2
RECORD_S = 20.0
"""How long is listened to: long enough for words and for the room between them."""
_UNUSABLE = frozenset({"microphone.absent", "microphone.busy", "microphone.dead", "microphone.muted"})
_SPARE_S = 10.0


class AudioRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One recorded session; `approved_by` is empty while nobody has approved it."""

    reference: AudioReference
    approved_by: str = ""
    approved_at: datetime | None = None


class AudioBaselines:
    """Recorded and approved sessions in a state directory; figures only, never sound."""

    def __init__(self, directory: Path) -> None:
        self._index = directory / "baseline" / "microphone.json"
        self.approved_file = directory / REFERENCE_FILE

    @property
    def history(self) -> list[AudioRecord]:
        """All records, oldest first."""
        return keep.read(self._index, list[AudioRecord]) or []

    @property
    def candidate(self) -> AudioRecord | None:
        """The last record, if it has not been approved yet."""
        last = self.history[-1] if self.history else None
        return last if last is not None and not last.approved_by else None

    @property
    def approved(self) -> AudioRecord | None:
        """The record that holds."""
        return max((record for record in self.history if record.approved_at), key=lambda each: str(each.approved_at), default=None)

    def add(self, channels: tuple[ChannelFigures, ...], at: datetime) -> AudioRecord:
        """Take a session into the history, not approved yet."""
        record = AudioRecord(reference=AudioReference(version=f"{at:%Y%m%dT%H%M%SZ}", recorded_at=at, channels=channels))
        self._save([*self.history, record])
        return record

    def approve(self, by: str, at: datetime) -> AudioRecord:
        """Let the last record hold from now on.

        Raises:
            ConfigError: there is none, or it cannot be kept.
        """
        candidate = self.candidate
        if candidate is None:
            raise ConfigError("baseline: chưa có mẫu âm thanh nào chờ phê duyệt; chạy “edge-agent baseline record” trước")
        approved = msgspec.structs.replace(candidate, approved_by=by, approved_at=at)
        if not keep.write(self.approved_file, msgspec.json.encode(approved.reference)):
            raise ConfigError(f"baseline: {self.approved_file}: không ghi được")
        self._save([*self.history[:-1], approved])
        return approved

    def _save(self, records: list[AudioRecord]) -> None:
        self._index.parent.mkdir(parents=True, exist_ok=True)
        if not keep.write(self._index, msgspec.json.encode(records)):
            raise ConfigError(f"baseline: {self._index}: không ghi được")


def record(configuration: Configuration, baselines: AudioBaselines, at: datetime) -> int:
    """Listen to the room and keep its figures; the exit status."""
    print(f"Đang nghe micro trong {RECORD_S:.0f} giây: hãy nói bình thường từ ghế chủ tọa.", file=sys.stderr)
    report = _listen(configuration, state_directory="")
    unusable = [found for found in report.findings if found.code in _UNUSABLE]
    channels = figures_of(report.readings)
    if unusable or not channels:
        why = sentence(unusable[0]) if unusable else _why(report)
        print(f"edge-agent: baseline: không ghi được mẫu âm thanh: {why}", file=sys.stderr)
        return COULD_NOT
    kept = baselines.add(channels, at)
    print(f"Đã ghi mẫu âm thanh {kept.reference.version}:")
    for line in lines(channels):
        print(f"  {line}")
    for found in report.findings:
        print(f"  ▲ {sentence(found)}")
    if any(figures.speech_level_dbfs is None for figures in channels):
        print("  Có kênh chưa nghe thấy tiếng nói: nói vào từng micro rồi ghi lại, nếu không kênh đó chỉ được so sánh nhiễu nền.")
    print("Nếu đúng, chạy “edge-agent baseline approve --by TÊN”.")
    return WELL


def show(baselines: AudioBaselines) -> None:
    """Print the history."""
    if baselines.approved is None:
        print("Âm thanh: chưa có mẫu chuẩn; chạy “edge-agent baseline record”, rồi “edge-agent baseline approve”.")
    for kept in baselines.history:
        approved = "chờ phê duyệt"
        if kept.approved_at is not None:
            holds = ", đang dùng" if kept == baselines.approved else ""
            approved = f"{kept.approved_by} phê duyệt {kept.approved_at.astimezone(wording.VIETNAM):%d/%m/%Y %H:%M}{holds}"
        print(f"{kept.reference.version}  âm thanh  {approved}")
        for line in lines(kept.reference.channels):
            print(f"  {line}")


def diff(configuration: Configuration, baselines: AudioBaselines) -> int:
    """Compare the room as it sounds now with what was approved; the exit status."""
    if baselines.approved is None:
        print("edge-agent: baseline: chưa có mẫu âm thanh để so sánh", file=sys.stderr)
        return COULD_NOT
    report = _listen(configuration, state_directory=str(configuration.directory))
    told = [reading for reading in report.readings if reading.metric.endswith(("_deviation_db", "session_grade"))]
    print(f"So với mẫu âm thanh {baselines.approved.reference.version}:")
    for reading in told:
        print(f"  {wording.figure_line(reading)}")
    for found in report.findings:
        print(f"  ▲ {sentence(found)}")
    if not any(reading.value is not None for reading in told) and not report.findings:
        print(f"  không so sánh được: {_why(report)}", file=sys.stderr)
        return COULD_NOT
    return DRIFTED if report.findings else WELL


def lines(channels: Iterable[ChannelFigures]) -> list[str]:
    """One line a channel, in words."""
    told = []
    for figures in channels:
        parts = (
            ("tiếng nói", figures.speech_level_dbfs, "dBFS"),
            ("nhiễu nền", figures.noise_floor_dbfs, "dBFS"),
            ("tiếng nói trên nhiễu", figures.snr_db, "dB"),
            ("ù nguồn", figures.hum_dbfs, "dBFS"),
        )
        name = f"Kênh {figures.target}: " if figures.target else ""
        told.append(name + "; ".join(f"{word} {quantity(figure, unit)}" for word, figure, unit in parts))
    return told


def _listen(configuration: Configuration, *, state_directory: str) -> ProbeReport:
    settings, limits = configuration.settings["microphone"], configuration.limits["microphone"]
    assert isinstance(settings, MicrophoneSettings)
    assert isinstance(limits, MicrophoneLimits)
    longer = msgspec.structs.replace(limits, look_s=RECORD_S)
    look = Look(phase=Phase.IDLE, deadline_s=RECORD_S + _SPARE_S, state_directory=state_directory)
    return asyncio.run(run_probe("microphone", settings, longer, look))


def _why(report: ProbeReport) -> str:
    failures = [reading.failure for reading in report.readings if reading.failure is not None]
    return wording.FAILURES[failures[0]] if failures else "không có số đo"
