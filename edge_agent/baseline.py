"""Approved references of the room: recorded, approved by a named person, kept with their history (R14, R30, R49).

Until something is approved nothing can drift: the camera probe compares only with an approved view.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import hashlib
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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
from edge_agent.live import refuse_in_a_meeting
from edge_agent.ptz import NOT_TURNED
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.ptz import Position
from probes.camera.views import VIEWS_FILE, View
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
        preset: Named preset whose view it is; empty for the room's main view.
        position: Where the camera said that it looked; None if it was not asked or did not tell.
        approved_by: Who approved it; empty while nobody has.
    """

    version: str
    recorded_at: datetime
    file: str
    sha256: str
    preset: str = ""
    position: Position | None = None
    approved_by: str = ""
    approved_at: datetime | None = None


class Baselines:
    """Recorded and approved views in a state directory."""

    def __init__(self, directory: Path) -> None:
        self._state = directory
        self._directory = directory / "baseline"
        self._index = self._directory / "camera.json"
        self.approved_file = directory / CAMERA_NAME

    @property
    def history(self) -> list[Record]:
        """All records, oldest first."""
        return keep.read(self._index, list[Record]) or []

    @property
    def candidates(self) -> list[Record]:
        """The last recorded view of the room and of each preset, those that have not been approved yet."""
        last = {record.preset: record for record in self.history}
        return [record for record in last.values() if not record.approved_by]

    @property
    def candidate(self) -> Record | None:
        """The view that waits longest for approval."""
        return next(iter(self.candidates), None)

    @property
    def approved(self) -> Record | None:
        """The main view that holds."""
        return self.holding("")

    def holding(self, preset: str) -> Record | None:
        """The view of a preset that holds; of the room for an empty name."""
        kept = (record for record in self.history if record.approved_at and record.preset == preset)
        return max(kept, key=lambda each: str(each.approved_at), default=None)

    def approved_path(self, preset: str) -> Path:
        """Where the probe looks for the approved view."""
        return self.approved_file if not preset else self._state / f"camera_view-{_short(preset)}.png"

    def path(self, record: Record) -> Path:
        """Where a recorded view lies."""
        return self._directory / record.file

    def new_path(self, at: datetime, preset: str = "") -> Path:
        """Where the next view is to be written."""
        self._directory.mkdir(parents=True, exist_ok=True)
        ending = f"-{_short(preset)}" if preset else ""
        return self._directory / f"camera-{at:%Y%m%dT%H%M%SZ}{ending}.png"

    def difference_path(self, preset: str) -> Path:
        """Where the drawn difference to an approved view lies."""
        return self._directory / (f"camera-diff-{_short(preset)}.png" if preset else "camera-diff.png")

    def add(self, picture: Path, at: datetime, preset: str = "", position: Position | None = None) -> Record:
        """Take a written view into the history, not approved yet."""
        record = Record(
            version=f"{at:%Y%m%dT%H%M%SZ}",
            recorded_at=at,
            file=picture.name,
            sha256=hashlib.sha256(picture.read_bytes()).hexdigest(),
            preset=preset,
            position=position,
        )
        self._save([*self.history, record])
        return record

    def approve(self, by: str, at: datetime) -> list[Record]:
        """Let the views that wait for it hold from now on.

        Raises:
            ConfigError: there is none, or a picture is not the one that was recorded; then none is approved.
        """
        candidates = self.candidates
        if not candidates:
            raise ConfigError("baseline: chưa có ảnh nào chờ phê duyệt; chạy “edge-agent baseline record” trước")
        for candidate in candidates:
            picture = self.path(candidate)
            if not picture.is_file() or hashlib.sha256(picture.read_bytes()).hexdigest() != candidate.sha256:
                raise ConfigError(f"baseline: {picture}: ảnh không còn đúng như lúc ghi; hãy ghi lại")
        done = {record.file: msgspec.structs.replace(record, approved_by=by, approved_at=at) for record in candidates}
        for record in candidates:
            _copy(self.path(record), self.approved_path(record.preset))
        self._save([done.get(record.file, record) for record in self.history])
        self._save_views()
        return list(done.values())

    def _save_views(self) -> None:
        """Tell the probe which presets have an approved view."""
        names = {record.preset: record for record in self.history if record.preset and record.approved_at}
        held = [record for name in names if (record := self.holding(name)) is not None]
        views = [View(preset=each.preset, file=self.approved_path(each.preset).name, position=each.position) for each in held]
        if not keep.write(self._state / VIEWS_FILE, msgspec.json.encode(views)):
            raise ConfigError(f"baseline: {self._state / VIEWS_FILE}: không ghi được")

    def _save(self, records: list[Record]) -> None:
        if not keep.write(self._index, msgspec.json.encode(records)):
            raise ConfigError(f"baseline: {self._index}: không ghi được")


def _copy(picture: Path, approved: Path) -> None:
    part = approved.with_name(f".{approved.name}.new")
    shutil.copyfile(picture, part)
    part.chmod(0o600)
    part.replace(approved)


def _short(preset: str) -> str:
    """A preset's name as part of a file's name, whatever letters it has."""
    return hashlib.sha256(preset.encode()).hexdigest()[:10]


def command(configuration: Configuration, what: str, by: str, preset: str = "") -> int:
    """`edge-agent baseline record|approve|show|diff`; its exit status."""
    sees, hears = configuration.fitted("camera"), configuration.fitted("microphone") and not _sound_in_codec(configuration)
    if not sees and not hears:
        raise ConfigError(f"{configuration.path}: điểm cầu không trang bị camera hoặc micro riêng, không có mẫu chuẩn để ghi")
    views, sounds = Baselines(configuration.directory), AudioBaselines(configuration.directory)
    if what == "approve":
        return _approve(views if sees else None, sounds if hears else None, by or getpass.getuser())
    if preset and (not sees or what == "show"):
        raise ConfigError("baseline: --preset chỉ dùng với record và diff, ở điểm cầu có camera")
    statuses = []
    if sees and what == "show":
        statuses.append(_show(views))
    elif sees:
        statuses.append(_record(configuration, views, preset) if what == "record" else _diff(configuration, views, preset))
    if hears and not preset:
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
        for record in views.approve(by, at):
            print(f"Đã phê duyệt ảnh chuẩn {record.version}{_of(record.preset)} (người phê duyệt: {record.approved_by}).")
    if sounds is not None and (sounds.candidate is not None or views is None):
        heard = sounds.approve(by, at)
        print(f"Đã phê duyệt mẫu âm thanh {heard.reference.version} (người phê duyệt: {heard.approved_by}).")
    return WELL


def _of(preset: str) -> str:
    return f" của vị trí đặt trước «{preset}»" if preset else ""


def _record(configuration: Configuration, baselines: Baselines, preset: str) -> int:
    from probes.camera.reference import record_reference  # noqa: PLC0415 — brings OpenCV
    from probes.camera.trouble import NoPictureError  # noqa: PLC0415

    settings, limits = configuration.settings["camera"], configuration.limits["camera"]
    assert isinstance(settings, CameraSettings)
    assert isinstance(limits, CameraLimits)
    at = datetime.now(UTC)
    try:
        picture = baselines.new_path(at, preset)
        with _turned(configuration, preset) as position:
            record_reference(settings, picture, limits)
    except NoPictureError as error:
        print(f"edge-agent: baseline: không có hình từ camera: {wording.FAILURES[error.failure]}", file=sys.stderr)
        return COULD_NOT
    except (ValueError, OSError) as error:
        print(f"edge-agent: baseline: {error}", file=sys.stderr)
        return COULD_NOT
    record = baselines.add(picture, at, preset, position)
    print(f"Đã ghi {picture} (phiên bản {record.version}{_of(preset)}).")
    print("Xem ảnh; nếu đúng khung hình, chạy “edge-agent baseline approve --by TÊN”.")
    return WELL


def _show(baselines: Baselines) -> int:
    if baselines.approved is None:
        print("Chưa có mẫu chuẩn: chạy “edge-agent baseline record”, xem ảnh, rồi “edge-agent baseline approve”.")
    for record in baselines.history:
        approved = "chờ phê duyệt"
        if record.approved_at is not None:
            holds = ", đang dùng" if record == baselines.holding(record.preset) else ""
            approved = f"{record.approved_by} phê duyệt {record.approved_at.astimezone(wording.VIETNAM):%d/%m/%Y %H:%M}{holds}"
        named = f"  «{record.preset}»" if record.preset else ""
        print(f"{record.version}{named}  {baselines.path(record)}  {approved}")
    return WELL


@contextlib.contextmanager
def _turned(configuration: Configuration, preset: str) -> Iterator[Position | None]:
    """Turn the camera to a preset that the site's file declares, and back to the first afterwards; gives where it then stands.

    A camera that is not turned from here, or the main view, is taken as it stands: then there is no position.

    Raises:
        ConfigError: the file declares presets, and none of this name; or people meet.
    """
    settings, limits = configuration.settings["camera"], configuration.limits["camera"]
    assert isinstance(settings, CameraSettings)
    assert isinstance(limits, CameraLimits)
    if not preset or settings.ptz is None or not settings.ptz.presets:
        yield None
        return
    names = [each.name for each in settings.ptz.presets]
    if preset not in names:
        raise ConfigError(f"baseline: --preset: không có vị trí đặt trước «{preset}» (có: {', '.join(names)})")
    lasts = timedelta(seconds=4 * limits.ptz_move_s)
    refuse_in_a_meeting(configuration.directory, datetime.now(UTC), lasts, command="baseline", refused=NOT_TURNED)
    from probes.camera.ptz_probe import turn  # noqa: PLC0415 — brings OpenCV

    try:
        yield turn(settings.ptz, preset, limits)
    finally:
        if preset != names[0]:
            with contextlib.suppress(ConfigError, ValueError):
                turn(settings.ptz, names[0], limits)


def _diff(configuration: Configuration, baselines: Baselines, preset: str) -> int:
    approved = baselines.holding(preset)
    if approved is None:
        print(f"edge-agent: baseline: chưa có mẫu chuẩn{_of(preset)} để so sánh", file=sys.stderr)
        return COULD_NOT
    settings, limits = configuration.settings["camera"], configuration.limits["camera"]
    assert isinstance(settings, CameraSettings)
    reference = baselines.approved_path(preset) if preset or not settings.reference else Path(settings.reference)
    alone = msgspec.structs.replace(settings, reference=str(reference), ptz=None)
    # Without the state directory, so that this view is compared and not the preset's that may fit better.
    look = Look(phase=Phase.IDLE, deadline_s=PROBES["camera"].deadline_s)
    try:
        with _turned(configuration, preset):
            report: ProbeReport = asyncio.run(run_probe("camera", alone, limits, look))
            drawn = _draw(alone, limits, reference, baselines.difference_path(preset))
    except (ValueError, OSError) as error:
        print(f"edge-agent: baseline: {error}", file=sys.stderr)
        return COULD_NOT
    told = [reading for reading in report.readings if reading.metric in DRIFT_METRICS and reading.value is not None]
    print(f"So với ảnh chuẩn {approved.version}{_of(preset)}:")
    for reading in told:
        print(f"  {wording.figure_line(reading)}")
    for found in report.findings:
        print(f"  ▲ {sentence(found)}")
    if drawn:
        print(f"  Ảnh so sánh (chỉ lưu tại máy này): {baselines.difference_path(preset)}")
        print("  Trái: ảnh đã duyệt; giữa: hiện nay; phải: chồng lên nhau, đỏ là ảnh đã duyệt, xanh là hiện nay, xám là chỗ trùng khớp.")
    if not told and not report.findings:
        print("  không so sánh được: không có hình hoặc không đủ chi tiết", file=sys.stderr)
        return COULD_NOT
    return DRIFTED if report.findings else WELL


def _draw(settings: CameraSettings, limits: msgspec.Struct, reference: Path, path: Path) -> bool:
    """Draw the difference; whether there was a picture to draw."""
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    from probes.camera.difference import draw_difference  # noqa: PLC0415
    from probes.camera.sight import last_picture  # noqa: PLC0415

    assert isinstance(limits, CameraLimits)
    now = last_picture(settings, limits, time.monotonic() + PROBES["camera"].deadline_s)
    approved = cv2.imread(str(reference), cv2.IMREAD_COLOR)
    if now is None or approved is None:
        return False
    draw_difference(now, np.asarray(approved, np.uint8), path)
    return True
