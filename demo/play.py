"""The script of the play: what happens when, and what must come of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from demo import sound
from demo.browser import BoardWatcher, Sighting, executable
from demo.devices import own_camera, own_microphone
from demo.stage import BRANCH_1, BRANCH_2, MAIN, SITES, Center, Microphone, Part, Program, Site, StageError

LINK_CODES = ("link.down", "link.center_unreachable", "link.mcu_unreachable")
HOWL_CODES = ("microphone.howling",)
CAMERA_CODES = ("camera.covered", "camera.black")
ALARMED = ("open", "acknowledged")
HOWL_HZ = 1600.0

REHEARSAL_S, PRECHECK_S, LIVE_S, WRAP_UP_S = 12, 12, 44, 10
"""Lengths of this meeting's phases; the rehearsal begins as soon as it is registered."""
LEAD_S = 3


class Alert(NamedTuple):
    """What was done, and when the page showed the alarm."""

    what: str
    site: Part
    goal_s: float
    done_at: float
    seen: Sighting | None

    @property
    def delay_s(self) -> float | None:
        """From the deed to the page."""
        return None if self.seen is None else self.seen.at - self.done_at


class Outcome(NamedTuple):
    """What came of the play."""

    alerts: list[Alert]
    forms: list[Path]
    faults: list[str]


Tell = Callable[[str], None]


class Play:
    """A meeting from its registration to its form."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self.folder = folder
        self.tell = tell
        self.center = Center(folder / "center")
        self.sites: dict[str, Site] = {}
        self.server: sound.SoundServer | None = None
        self.watcher: BoardWatcher | None = None
        self.alerts: list[Alert] = []
        self.faults: list[str] = []
        self.meeting = ""
        self.opening = datetime.now(UTC)

    def set_up(self) -> None:
        """Bring everything up that is there before the meeting: center, broker, sites, sound, browser."""
        self.tell("Dựng trung tâm điều khiển và broker Mosquitto")
        self.center.register(SITES)
        self.center.start()
        numbers = self.center.numbers()
        self.tell("Dựng âm thanh của ba phòng họp")
        microphones = self._sound()
        self.tell("Dựng ba điểm cầu: camera, bộ kết nối, đường truyền, tác tử giám sát")
        for seed, part in enumerate(SITES, start=1):
            # The main site's camera gets covered: with a look every second its alarm comes in seconds.
            period_s = 1.0 if part is MAIN else 5.0
            microphone = microphones[part.id]
            site = Site(part, self.folder / part.id, self.center, microphone, seed=seed, ssid=numbers[part.id], camera_period_s=period_s)
            if part is BRANCH_1 and (camera := own_camera()):
                site.look_through(camera)
                self.tell(f"{part.name} dùng camera của chính máy này: {camera}")
            self.sites[part.id] = site
            site.start()
        if executable() is None:
            self.tell("Máy này không có Chromium: độ trễ cảnh báo không được đo trong trang")
        else:
            self.tell("Mở bảng trực tiếp trong Chromium")
            self.watcher = BoardWatcher(self.center.url)
            self.watcher.open()

    def _sound(self) -> dict[str, Microphone]:
        clips = self.folder / "clips"
        clips.mkdir()
        talk = sound.write(clips / "speech.wav", sound.speech(clips, 150, 40))
        quiet = sound.write(clips / "room.wav", sound.room_tone(20, 7))
        howling = sound.howl(sound.speech(clips, 160, 60), 9, HOWL_HZ, 20)
        sound.write(clips / "howl.wav", howling)
        if not sound.SoundServer.is_possible():
            self.tell("Không có máy chủ âm thanh: micro là tệp ghi sẵn, nên không có cảnh hú")
            return {part.id: Microphone(str(talk), {}) for part in SITES}
        rooms = {part.id: f"diemcau{number}" for number, part in enumerate(SITES, start=1)}
        self.server = sound.SoundServer(self.folder / "pulse", list(rooms.values()))
        for part in SITES:
            self.server.play(rooms[part.id], talk if part is MAIN else quiet, again=True)
        given = {
            part.id: Microphone(self.server.give_microphone(self.folder / part.id, rooms[part.id]), self.server.environment)
            for part in SITES
        }
        if own := own_microphone():
            given[BRANCH_1.id] = Microphone(own, {})
            self.tell(f"{BRANCH_1.name} dùng micro của chính máy này")
        return given

    def register_meeting(self) -> None:
        """Register a meeting whose phases last seconds."""
        registered = datetime.now(UTC)
        self.opening = registered + timedelta(seconds=LEAD_S + REHEARSAL_S + PRECHECK_S)
        printed = self.center.command(
            "meeting",
            "add",
            "--title",
            "Họp giao ban trực tuyến phòng chống thiên tai",
            "--organizer",
            MAIN.name,
            "--main",
            MAIN.id,
            *(word for part in (BRANCH_1, BRANCH_2) for word in ("--branch", part.id)),
            "--begins",
            self.opening.isoformat(),
            "--ends",
            (self.opening + timedelta(seconds=LIVE_S)).isoformat(),
            "--rehearsal-lead",
            f"{REHEARSAL_S + PRECHECK_S}s",
            "--rehearsal-length",
            f"{REHEARSAL_S}s",
            "--precheck-lead",
            f"{PRECHECK_S}s",
            "--wrap-up",
            f"{WRAP_UP_S}s",
        )
        self.meeting = printed.split()[0]
        self.tell("Đã đăng ký cuộc họp; lịch kiểm tra tới ba điểm cầu")

    def play(self) -> None:
        """Rehearsal, precheck, the meeting with its three troubles, wrap-up."""
        self._until(-PRECHECK_S - REHEARSAL_S)
        self.tell("KIỂM DUYỆT: ba điểm cầu tự kiểm tra")
        self._until(-PRECHECK_S)
        self.tell("KIỂM TRA TRƯỚC GIỜ HỌP: ba điểm cầu tự kiểm tra lại")
        self._until(0)
        self.tell("CUỘC HỌP BẮT ĐẦU")
        self._until(4)
        self._cut_link()
        self._until(16)
        self._howl()
        self._until(27)
        self._cover_camera()
        self._until(LIVE_S)
        self.tell("CUỘC HỌP KẾT THÚC: kiểm tra lần cuối")
        self._until(LIVE_S + WRAP_UP_S)

    def _cut_link(self) -> None:
        site = self.sites[BRANCH_1.id]
        cut_at = site.relay.cut()
        self.tell(f"Cắt đường truyền của {BRANCH_1.name}")
        self._expect("Mất kết nối giữa cuộc họp", BRANCH_1, LINK_CODES, cut_at, goal_s=2.0)
        self._until(12)
        site.relay.restore()
        self.tell(f"Đường truyền của {BRANCH_1.name} đã nối lại")

    def _howl(self) -> None:
        if self.server is None:
            return
        self.tell(f"Micro của {BRANCH_2.name} hú")
        begun_at = time.time()
        playing = self.server.play("diemcau3", self.folder / "clips" / "howl.wav")
        self._expect("Micro hú", BRANCH_2, HOWL_CODES, begun_at, goal_s=5.0)
        playing.wait(30)
        self.tell(f"Micro của {BRANCH_2.name} hết hú")

    def _cover_camera(self) -> None:
        site = self.sites[MAIN.id]
        covered_at = site.camera.cover()
        self.tell(f"Che camera của {MAIN.name}")
        self._expect("Camera bị che", MAIN, CAMERA_CODES, covered_at, goal_s=5.0)
        self._until(35)
        site.camera.uncover()
        self.tell(f"Đã bỏ che camera của {MAIN.name}")

    def _expect(self, what: str, part: Part, codes: tuple[str, ...], done_at: float, goal_s: float) -> None:
        if self.watcher is None:
            return
        seen = self.watcher.wait_for(part.id, codes, ALARMED, done_at, timeout_s=goal_s + 4)
        alert = Alert(what, part, goal_s, done_at, seen)
        self.alerts.append(alert)
        if alert.delay_s is None:
            self.faults.append(f"{what} ({part.name}): bảng không báo")
        elif alert.delay_s > goal_s:
            self.faults.append(f"{what} ({part.name}): báo sau {alert.delay_s:.2f} s, mục tiêu {goal_s:g} s")
        if seen is not None:
            self.watcher.picture(self.folder / f"board-{codes[0]}.png")

    def collect(self) -> Outcome:
        """Wait for the form that the center makes by itself, and read what it says."""
        self.tell("Chờ trung tâm tự lập nhật ký Phụ lục II")
        folder = self.center.folder / "state" / "forms"
        wanted = [folder / f"{self.meeting}.{ending}" for ending in ("docx", "pdf", "html")]
        until = time.monotonic() + 60
        while not all(path.exists() for path in wanted):
            self._alive()
            if time.monotonic() > until:
                raise StageError(f"no form came in {folder} within 60 s after the meeting")
            time.sleep(0.2)
        self.faults += said_wrong(wanted[2].read_text(encoding="utf-8"), howled=self.server is not None)
        return Outcome(self.alerts, wanted, self.faults)

    def _until(self, second: float) -> None:
        """Wait until so many seconds after the opening, watching that every program lives."""
        moment = self.opening + timedelta(seconds=second)
        while (left_s := (moment - datetime.now(UTC)).total_seconds()) > 0:
            self._alive()
            if self.watcher is not None:
                self.watcher.page.wait_for_timeout(min(left_s, 0.25) * 1000)
            else:
                time.sleep(min(left_s, 0.25))

    def _alive(self) -> None:
        for program in self.programs():
            program.check()

    def programs(self) -> list[Program]:
        """All programs that run."""
        running = [self.center.program, *(site.program for site in self.sites.values())]
        return [program for program in running if program is not None]

    def tear_down(self) -> None:
        """Stop everything, sites first."""
        if self.watcher is not None:
            self.watcher.close()
        for site in self.sites.values():
            site.stop()
        self.center.stop()
        if self.server is not None:
            self.server.close()


def said_wrong(html: str, *, howled: bool) -> list[str]:
    """What the form should say of this play and does not."""
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    rows = {part.id: _row(text, part) for part in SITES}
    expected: list[tuple[Part, str, str]] = [
        (BRANCH_1, r"kết nối|đường truyền", "mất kết nối"),
        (MAIN, r"[Hh]ình đen|[Cc]he", "camera bị che"),
    ]
    if howled:
        expected.append((BRANCH_2, r"[Hh]ú", "micro hú"))
    faults = [
        f"nhật ký của {part.name} không kể: {what}" for part, pattern, what in expected if not re.search(pattern, _told(rows[part.id]))
    ]
    return faults + [f"nhật ký không có {part.name}" for part in SITES if not rows[part.id]]


def _row(text: str, part: Part) -> str:
    """The form's words from this site's name to the next one's."""
    begin = text.rfind(part.name)
    others = [text.find(other.name, begin + len(part.name)) for other in SITES if other is not part]
    end = min((place for place in others if place > begin), default=len(text))
    return text[begin:end] if begin >= 0 else ""


def _told(row: str) -> str:
    """What stands in "Mô tả sự cố"."""
    return row.partition("Mô tả sự cố:")[2].partition("Thiết bị:")[0]
