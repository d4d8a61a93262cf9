"""`edge-agent sweep`: how far the room's sound is from howling, before the meeting and never during one."""

from __future__ import annotations

import getpass
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from contract.catalog import advice, sentence
from contract.catalog.words import number, quantity
from contract.messages import SweepReport, SweepResult
from contract.toml_file import ConfigError
from edge_agent import keep, live, wording
from edge_agent.config import Configuration
from probes.microphone.limits import SWEEP_FILE, MicrophoneLimits, MicrophoneSettings

WELL, NEAR_HOWLING, COULD_NOT = 0, 1, 2
LASTS = timedelta(seconds=60)
"""A sweep with its trials takes about twenty seconds; a meeting must not begin in them."""
GRADES = {
    "green": "✔ TỐT: phòng còn xa ngưỡng hú",
    "amber": "▲ CẦN CHỈNH: phòng gần ngưỡng hú",
    "red": "✖ NGUY HIỂM: phòng sắp hú",
}


def of_files(recorded: str, reference: str, *, as_json: bool) -> int:
    """Judge a sweep that was recorded before, with the built-in limits; its exit status."""
    from probes.microphone.sweep_probe import sweep_files  # noqa: PLC0415 — brings NumPy

    for path in (recorded, reference):
        if not Path(path).is_file():
            raise ConfigError(f"sweep: không có tệp {path} (no such file)")
    return _tell(sweep_files(recorded, reference, MicrophoneLimits()), as_json=as_json)


def make(path: str, rate_hz: int) -> int:
    """Write the sweep to a file, for rooms whose loudspeaker this machine does not reach; its exit status."""
    from probes.microphone.sweep_probe import write_sweep  # noqa: PLC0415 — brings NumPy

    try:
        write_sweep(path, rate_hz)
    except OSError as error:
        raise ConfigError(f"sweep: {path}: {error.strerror}") from None
    print(f"Đã ghi {path}. Phát tệp này ra loa và ghi âm qua micro từ đúng lúc bắt đầu phát,")
    print(f"rồi chạy “edge-agent sweep --source BẢN_GHI.wav --reference {path}”.")
    return WELL


def of_room(configuration: Configuration, *, yes: bool, as_json: bool) -> int:
    """Sweep the room itself; its exit status."""
    settings, limits = configuration.settings["microphone"], configuration.limits["microphone"]
    assert isinstance(settings, MicrophoneSettings)
    assert isinstance(limits, MicrophoneLimits)
    refuse_where_it_cannot_be_heard(configuration, settings)
    refuse_in_a_meeting(configuration.directory, datetime.now(UTC))
    if not yes and not _agreed(settings):
        print("edge-agent: sweep: chưa được đồng ý, không phát âm thanh (dùng --yes khi chạy tự động)", file=sys.stderr)
        return COULD_NOT
    from probes.microphone.sweep_probe import sweep_devices  # noqa: PLC0415 — brings NumPy and PortAudio

    report = sweep_devices(settings, limits, lambda text: print(f"edge-agent: sweep: {text}", file=sys.stderr))
    if report.results and not keep.write_struct(configuration.directory / SWEEP_FILE, report):
        print("edge-agent: sweep: kết quả không lưu được vào thư mục trạng thái", file=sys.stderr)
    return _tell(report, as_json=as_json)


def refuse_where_it_cannot_be_heard(configuration: Configuration, settings: MicrophoneSettings) -> None:
    """Raise `ConfigError` for a room whose sound this machine does not hear (R46)."""
    if not settings.fitted:
        raise ConfigError(f"{configuration.path}: microphone: điểm cầu không trang bị micro riêng, không đo được")
    if settings.sound_in_codec:
        raise ConfigError(f"{configuration.path}: microphone: âm thanh nằm trong thiết bị hội nghị, máy giám sát không nghe được")


def refuse_in_a_meeting(directory: Path, now: datetime) -> None:
    """Raise `ConfigError` while a meeting is live, or about to be."""
    live.refuse_in_a_meeting(directory, now, LASTS, command="sweep", refused="không phát âm thanh thử")


def _agreed(settings: MicrophoneSettings) -> bool:
    """Ask whoever sits at the terminal; nobody there has not agreed."""
    if not sys.stdin.isatty():
        return False
    print(f"Loa của phòng sẽ phát tiếng quét khoảng 10 giây, to nhất {number(settings.sweep_level_dbfs)} dBFS.", file=sys.stderr)
    print(f"{getpass.getuser()}, phòng đã sẵn sàng? Gõ “có” để bắt đầu: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("có", "co", "c", "yes", "y")


def _tell(report: SweepReport, *, as_json: bool) -> int:
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.buffer.flush()
    else:
        for line in lines(report):
            print(line)
    if report.failure is not None:
        print(f"edge-agent: sweep: {wording.FAILURES[report.failure]}: {report.reason}", file=sys.stderr)
        return COULD_NOT
    return NEAR_HOWLING if any(result.grade != "green" for result in report.results) else WELL


def lines(report: SweepReport) -> list[str]:
    """The table that people read."""
    told = [f"Độ dự trữ chống hú · {os.path.basename(report.source)}"] if report.results else []  # noqa: PTH119 — it may be a device
    for result in report.results:
        told += ["", *_result_lines(result)]
    for found in report.findings:
        told += ["", f"▲ {sentence(found)}", f"→ {advice(found)}"]
    return told


def _result_lines(result: SweepResult) -> list[str]:
    rows = [
        ("Kết luận", GRADES[result.grade]),
        ("Độ dự trữ được đánh giá", quantity(result.judged_db, "dB")),
        ("  – tính cả pha", quantity(result.margin_db, "dB")),
        ("  – chỉ theo biên độ", quantity(result.margin_pessimistic_db, "dB")),
        ("Thời gian vang RT60", quantity(result.rt60_s, "s")),
        ("Trễ vòng âm thanh", quantity(result.loop_delay_ms, "ms")),
        ("Tín hiệu trên nhiễu khi đo", quantity(result.snr_db, "dB")),
    ]
    told = [f"Kênh {result.target}"] if result.target else []
    told += [f"  {name:<28}{value}" for name, value in rows]
    told += ["", "  Tần số dễ hú nhất      Còn tăng được"]
    return told + [f"  {quantity(round(near.frequency_hz), 'Hz'):<23}{quantity(near.margin_db, 'dB')}" for near in result.nearest]
