"""Approved references of the room: recorded, approved by a named person, kept with their history (R14, R30, R49).

Until something is approved nothing can drift: the camera probe compares only with an approved view.
"""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from contract.catalog import sentence
from contract.meetings import Phase
from contract.messages import ProbeReport
from contract.toml_file import ConfigError
from edge_agent import audio_baseline, keep, wording
from edge_agent.audio_baseline import AudioBaselines
from edge_agent.child import run_probe
from edge_agent.config import Configuration
from probes.camera.limits import CameraLimits, CameraSettings
from probes.interface import Look
from probes.registry import PROBES

WELL, DRIFTED, COULD_NOT = 0, 1, 2
CAMERA_NAME = "camera_reference.png"
"""Where the camera probe looks for the approved view, in the state directory."""
DRIFT_METRICS = ("camera.shift_percent", "camera.rotation_deg", "camera.zoom_percent", "camera.sharpness_ratio")


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One recorded view.

    Attributes:
        version: When it was recorded, as a name: ``20261123T203000Z``.
        sha256: Of the picture's file, so that another picture in its place is noticed.
        approved_by: Who approved it; empty while nobody has.
    """

    version: str
    recorded_at: datetime
    file: str
    sha256: str
    approved_by: str = ""
    approved_at: datetime | None = None


class Baselines:
    """Recorded and approved views in a state directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "baseline"
        self._index = self._directory / "camera.json"
        self.approved_file = directory / CAMERA_NAME

    @property
    def history(self) -> list[Record]:
        """All records, oldest first."""
        return keep.read(self._index, list[Record]) or []

    @property
    def candidate(self) -> Record | None:
        """The last recorded view, if it has not been approved yet."""
        last = self.history[-1] if self.history else None
        return last if last is not None and not last.approved_by else None

    @property
    def approved(self) -> Record | None:
        """The view that holds."""
        return max((record for record in self.history if record.approved_at), key=lambda each: str(each.approved_at), default=None)

    def path(self, record: Record) -> Path:
        """Where a recorded view lies."""
        return self._directory / record.file

    def new_path(self, at: datetime) -> Path:
        """Where the next view is to be written."""
        self._directory.mkdir(parents=True, exist_ok=True)
        return self._directory / f"camera-{at:%Y%m%dT%H%M%SZ}.png"

    def add(self, picture: Path, at: datetime) -> Record:
        """Take a written view into the history, not approved yet."""
        version = picture.stem.removeprefix("camera-")
        record = Record(version=version, recorded_at=at, file=picture.name, sha256=hashlib.sha256(picture.read_bytes()).hexdigest())
        self._save([*self.history, record])
        return record

    def approve(self, by: str, at: datetime) -> Record:
        """Let the last recorded view hold from now on.

        Raises:
            ConfigError: there is none, or its picture is not the one that was recorded.
        """
        candidate = self.candidate
        if candidate is None:
            raise ConfigError("baseline: chưa có ảnh nào chờ phê duyệt; chạy “edge-agent baseline record” trước")
        picture = self.path(candidate)
        if not picture.is_file() or hashlib.sha256(picture.read_bytes()).hexdigest() != candidate.sha256:
            raise ConfigError(f"baseline: {picture}: ảnh không còn đúng như lúc ghi; hãy ghi lại")
        approved = msgspec.structs.replace(candidate, approved_by=by, approved_at=at)
        part = self.approved_file.with_name(f".{CAMERA_NAME}.new")
        shutil.copyfile(picture, part)
        part.chmod(0o600)
        part.replace(self.approved_file)
        self._save([*self.history[:-1], approved])
        return approved

    def _save(self, records: list[Record]) -> None:
        if not keep.write(self._index, msgspec.json.encode(records)):
            raise ConfigError(f"baseline: {self._index}: không ghi được")


def command(configuration: Configuration, what: str, by: str) -> int:
    """`edge-agent baseline record|approve|show|diff`; its exit status."""
    sees, hears = configuration.fitted("camera"), configuration.fitted("microphone") and not _sound_in_codec(configuration)
    if not sees and not hears:
        raise ConfigError(f"{configuration.path}: điểm cầu không trang bị camera hoặc micro riêng, không có mẫu chuẩn để ghi")
    views, sounds = Baselines(configuration.directory), AudioBaselines(configuration.directory)
    if what == "approve":
        return _approve(views if sees else None, sounds if hears else None, by or getpass.getuser())
    statuses = []
    if sees:
        statuses.append(
            _record(configuration, views) if what == "record" else _show(views) if what == "show" else _diff(configuration, views)
        )
    if hears:
        statuses.append(_of_sound(configuration, sounds, what))
    return max(statuses)


def _of_sound(configuration: Configuration, sounds: AudioBaselines, what: str) -> int:
    if what == "record":
        return audio_baseline.record(configuration, sounds, datetime.now(UTC))
    if what == "diff":
        return audio_baseline.diff(configuration, sounds)
    audio_baseline.show(sounds)
    return WELL


def _sound_in_codec(configuration: Configuration) -> bool:
    return bool(getattr(configuration.settings["microphone"], "sound_in_codec", False))


def _approve(views: Baselines | None, sounds: AudioBaselines | None, by: str) -> int:
    """Approve whatever waits for it; one that waits for nothing is told only if nothing waits at all."""
    at = datetime.now(UTC)
    if views is not None and (views.candidate is not None or sounds is None or sounds.candidate is None):
        record = views.approve(by, at)
        print(f"Đã phê duyệt ảnh chuẩn {record.version} (người phê duyệt: {record.approved_by}).")
    if sounds is not None and (sounds.candidate is not None or views is None):
        heard = sounds.approve(by, at)
        print(f"Đã phê duyệt mẫu âm thanh {heard.reference.version} (người phê duyệt: {heard.approved_by}).")
    return WELL


def _record(configuration: Configuration, baselines: Baselines) -> int:
    from probes.camera.reference import record_reference  # noqa: PLC0415 — brings OpenCV
    from probes.camera.trouble import NoPictureError  # noqa: PLC0415

    settings, limits = configuration.settings["camera"], configuration.limits["camera"]
    assert isinstance(settings, CameraSettings)
    assert isinstance(limits, CameraLimits)
    at = datetime.now(UTC)
    try:
        picture = baselines.new_path(at)
        record_reference(settings, picture, limits)
    except NoPictureError as error:
        print(f"edge-agent: baseline: không có hình từ camera: {wording.FAILURES[error.failure]}", file=sys.stderr)
        return COULD_NOT
    except (ValueError, OSError) as error:
        print(f"edge-agent: baseline: {error}", file=sys.stderr)
        return COULD_NOT
    record = baselines.add(picture, at)
    print(f"Đã ghi {picture} (phiên bản {record.version}). Xem ảnh; nếu đúng khung hình, chạy “edge-agent baseline approve --by TÊN”.")
    return WELL


def _show(baselines: Baselines) -> int:
    if baselines.approved is None:
        print("Chưa có mẫu chuẩn: chạy “edge-agent baseline record”, xem ảnh, rồi “edge-agent baseline approve”.")
    for record in baselines.history:
        approved = "chờ phê duyệt"
        if record.approved_at is not None:
            holds = ", đang dùng" if record == baselines.approved else ""
            approved = f"{record.approved_by} phê duyệt {record.approved_at.astimezone(wording.VIETNAM):%d/%m/%Y %H:%M}{holds}"
        print(f"{record.version}  {baselines.path(record)}  {approved}")
    return WELL


def _diff(configuration: Configuration, baselines: Baselines) -> int:
    if baselines.approved is None:
        print("edge-agent: baseline: chưa có mẫu chuẩn để so sánh", file=sys.stderr)
        return COULD_NOT
    look = Look(phase=Phase.IDLE, deadline_s=PROBES["camera"].deadline_s, state_directory=str(configuration.directory))
    report: ProbeReport = asyncio.run(run_probe("camera", configuration.settings["camera"], configuration.limits["camera"], look))
    told = [reading for reading in report.readings if reading.metric in DRIFT_METRICS and reading.value is not None]
    print(f"So với ảnh chuẩn {baselines.approved.version}:")
    for reading in told:
        print(f"  {wording.figure_line(reading)}")
    for found in report.findings:
        print(f"  ▲ {sentence(found)}")
    if not told and not report.findings:
        print("  không so sánh được: không có hình hoặc không đủ chi tiết", file=sys.stderr)
        return COULD_NOT
    return DRIFTED if report.findings else WELL
