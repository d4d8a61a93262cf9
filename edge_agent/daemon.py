"""The one asyncio loop: agenda → rounds and watches → judgement → outbox → uplink; starts the parts and stops them in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from contract import systemd
from contract.findings import Component
from contract.meetings import Meeting, Phase
from contract.messages import Agenda, CheckReason, Command, Heartbeat, Limits, ProbeReport
from contract.toml_file import ConfigError
from edge_agent import agenda, center, keep, ptz
from edge_agent.config import Configuration, merge_limits
from edge_agent.identity import CertificateWatch
from edge_agent.judgement import Circumstances, Judgement
from edge_agent.lifecycle import Life
from edge_agent.link_state import LINK, LinkState
from edge_agent.neighbour_watch import NeighbourWatch
from edge_agent.off_order import OffOrder
from edge_agent.outbox import Outbox
from edge_agent.page.server import PageServer
from edge_agent.ports import Mute
from edge_agent.rehearsed import RehearsedState
from edge_agent.rounds import Round
from edge_agent.self_check import SelfCheck
from edge_agent.status import FILE, AgentStatus
from edge_agent.tasks import Tasks
from edge_agent.uplink import Uplink
from edge_agent.watches import MICROPHONE, MicrophoneWatch
from probes.host.limits import HostLimits
from probes.interface import Look
from probes.link.limits import LinkLimits, LinkSettings
from probes.registry import PROBES

log = logging.getLogger(__name__)

VERSION = "0.1.0"
CABLES = Component.CABLES
AGENDA_FILE, LIMITS_FILE, CHECKS_FILE = "agenda.json", "limits.json", "checks.json"
FIGURES_PERIOD_S = 60.0
HEARTBEAT_S, HEARTBEAT_IDLE_S = 1.5, 15.0
KEPT_CHECKS = 100
WATCH_CHECK_S = 25.0
"""A check waits this long for the microphone watch to say something new."""
MEETINGS_KEPT = timedelta(days=2)
"""A meeting that is over for longer is forgotten, also if the center never says so."""


def utc_now() -> datetime:
    """The wall clock, UTC."""
    return datetime.now(UTC)


class Daemon:
    """One site's agent.

    Args:
        configuration: The site's file.
        outbox: The journal.
    """

    def __init__(self, configuration: Configuration, outbox: Outbox) -> None:
        now = utc_now()
        self.configuration = configuration
        self.outbox = outbox
        self.started_at = now
        self.checked_at: datetime | None = None
        self.page_address = ""
        self.judgement = Judgement(outbox, Mute(), configuration.directory, now)
        self._directory = configuration.directory
        self._life = Life(configuration.directory)
        self._meetings = _read_agenda(configuration)
        self._limits, self._limits_version = configuration.limits, ""
        self._outlook = agenda.outlook(self._meetings, now)
        self._checks: list[str] = keep.read(self._directory / CHECKS_FILE, list[str]) or []
        self._woken = asyncio.Event()
        self._checking = asyncio.Lock()
        self._tasks = Tasks()
        kept = keep.read(self._directory / LIMITS_FILE, Limits)
        if kept is not None:
            self.take_limits(kept, store=False)
        self._toured = ""
        self._tour = ptz.TourRun()
        self._rounds = {name: self._round(name) for name in PROBES}
        self._microphone_watch = MicrophoneWatch(self.judgement, lambda: self._look_for(MICROPHONE))
        self._link = self._make_link()
        self._page = PageServer(
            self.status,
            lambda: self._tasks.spawn(self.check(CheckReason.MANUAL), "check asked for at the site"),
            loopback=configuration.page.host in ("127.0.0.1", "::1", "localhost"),
        )
        self._self_check = SelfCheck(
            self.judgement,
            outbox,
            CertificateWatch(configuration),
            clock_offset=self._link.clock_offset,
            slow_rounds=lambda: sum(each.slow for each in self._rounds.values()),
        )
        self._off_order = OffOrder(self.judgement)
        self._rehearsed = RehearsedState(self.judgement, self._directory)
        self.outbox.clock_offset_ms = self._self_check.clock_offset_ms
        self._uplink = self._make_uplink()
        self._started_s = time.monotonic()

    # What comes from the center. May be called from the uplink's thread through `threadsafe`.

    def take_agenda(self, sent: Agenda) -> None:
        """Replace the meetings; kept on disk so that checks run with the link down (R52)."""
        self._meetings = sent.meetings
        keep.write_struct(self._directory / AGENDA_FILE, sent)
        log.info("agenda: %d meetings", len(sent.meetings))
        self._woken.set()

    def take_limits(self, sent: Limits, *, store: bool = True) -> None:
        """Judge by these limits from now on; what does not fit is refused as a whole."""
        try:
            self._limits = merge_limits(self.configuration, sent)
        except ConfigError as error:
            log.error("limits are refused, the old ones hold: %s", error)  # noqa: TRY400 — the sentence says all
            return
        self._limits_version = sent.version
        if store:
            self._limits_changed()
            keep.write_struct(self._directory / LIMITS_FILE, sent)
        self._woken.set()

    def _limits_changed(self) -> None:
        limits = self._limits[LINK]
        assert isinstance(limits, LinkLimits)
        self._link.set_limits(limits)
        self._tasks.spawn(self._microphone_watch.restart(), "restart of the microphone watch")

    def take_command(self, sent: Command) -> None:
        """Carry out an order of the center."""
        if sent.name == "check":
            self._tasks.spawn(self.check(CheckReason.REQUESTED, sent.id), "requested check")
        else:
            log.warning("command %s is not known", sent.name)

    # Checks.

    async def check(self, reason: CheckReason, check: str = "") -> None:
        """Check the whole site and write down the proof; one at a time."""
        async with self._checking:
            began_at, circumstances = utc_now(), self.judgement.circumstances
            await asyncio.gather(
                *(each.check() for each in self._rounds.values() if not each.paused),
                *([self._microphone_watch.fresh(began_at, WATCH_CHECK_S)] if self._rounds[MICROPHONE].paused else []),
            )
            ended_at = utc_now()
            self.checked_at = ended_at
            done = self.judgement.check_done(
                PROBES,
                circumstances,
                check=check or uuid.uuid4().hex[:12],
                reason=reason,
                began_at=began_at,
                ended_at=ended_at,
            )
            self.judgement.note(done, ended_at)
            self._rehearsed.take(done)
            log.info("check %s (%s) done in %.1f s", done.check, reason, (ended_at - began_at).total_seconds())

    async def _scheduled_check(self, key: str) -> None:
        await self.check(CheckReason.SCHEDULED, key)
        self._checks = [*self._checks, key][-KEPT_CHECKS:]
        keep.write(self._directory / CHECKS_FILE, msgspec.json.encode(self._checks))
        self._woken.set()

    # The run.

    async def run(self) -> None:
        """Live until SIGTERM or SIGINT, then leave in order."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        life, before = self._life.begin(utc_now()), keep.read(self._directory / FILE, AgentStatus)
        self.judgement.note(life, utc_now())
        self._off_order.begin(life, before)
        self._set_circumstances()
        if self._uplink is not None:
            self._uplink.start()
            self.judgement.teller = self._uplink
        await self._start_page()
        self._link.start()
        self._phase_changed()
        for each in self._rounds.values():
            self._tasks.keep_going(each.go_on, f"rounds of {each.name}")
        self._tasks.keep_going(self._follow_agenda, "agenda")
        self._tasks.keep_going(self._breathe, "heartbeat")
        self._tasks.keep_going(self._gather_figures, "figures")
        if self.configuration.fitted(CABLES):
            port = getattr(self.configuration.settings[CABLES], "port", "")
            self._tasks.keep_going(NeighbourWatch(self._directory, port).go_on, "neighbour")
        systemd.notify("READY=1", f"STATUS={self._outlook.phase}")
        log.info("site %s runs, phase %s", self.configuration.site.id, self._outlook.phase)
        await stop.wait()
        await self._leave()

    async def _leave(self) -> None:
        """Stop in order: what measures, what judges, what tells, what keeps."""
        systemd.notify("STOPPING=1")
        log.info("stopping")
        await self._page.stop()
        await self._tasks.end()
        await self._microphone_watch.follow(listen=False)
        await asyncio.to_thread(self._link.stop)
        now = utc_now()
        self.judgement.close_figures(now, self._link.rollups())
        self.judgement.note(self._life.end(now), now)
        if self._uplink is not None:
            await asyncio.to_thread(self._uplink.stop)
        self._write_status(stopped=True)
        await asyncio.to_thread(self.outbox.close)

    async def _start_page(self) -> None:
        """Serve the local page; an address that is taken is told and stops nothing."""
        settings = self.configuration.page
        if settings.enabled:
            try:
                self.page_address = await self._page.start(settings.host, settings.port)
            except OSError as error:
                log.error("the local page cannot listen on %s:%d: %s", settings.host, settings.port, error.strerror)  # noqa: TRY400
            else:
                log.info("local page: %s", self.page_address)

    def _make_link(self) -> LinkState:
        settings, limits = self.configuration.settings[LINK], self._limits[LINK]
        assert isinstance(settings, LinkSettings)
        assert isinstance(limits, LinkLimits)
        loop = asyncio.get_running_loop()
        return LinkState(self.judgement, settings, limits, lambda take: threadsafe(loop, take), self._rounds[LINK].hurry)

    def _host_limits(self) -> HostLimits:
        limits = self._limits[Component.HOST]
        assert isinstance(limits, HostLimits)
        return limits

    def _make_uplink(self) -> Uplink | None:
        if self.configuration.center is None:
            return None
        loop = asyncio.get_running_loop()
        return center.uplink(
            self.configuration,
            self.outbox,
            version=VERSION,
            on_agenda=threadsafe(loop, self.take_agenda),
            on_limits=threadsafe(loop, self.take_limits),
            on_command=threadsafe(loop, self.take_command),
        )

    def _round(self, name: str) -> Round:
        return Round(
            name,
            period_s=lambda: agenda.period_s(self.configuration.periods, self._outlook.phase, name),
            circumstances=lambda: self._look_for(name),
            take=self._take,
            undecided=lambda: self.judgement.undecided(name),
            run=self._tour.run,
        )

    def _look_for(self, name: str) -> tuple[msgspec.Struct, msgspec.Struct, Look]:
        look = Look(
            phase=self._outlook.phase,
            deadline_s=PROBES[name].deadline_s,
            state_directory=str(self._directory),
            limits_version=self._limits_version,
        )
        settings, limits = self.configuration.settings[name], self._limits[name]
        tour_s = ptz.tour_s(settings, limits)
        check = "" if self._outlook.check in self._checks else self._outlook.check
        if ptz.due(check, self._outlook.phase, self._toured, meetings=self._meetings, now=utc_now(), lasts_s=tour_s):
            self._toured = check
            look = msgspec.structs.replace(look, tour=True, deadline_s=tour_s)
        return settings, limits, look

    def _take(self, report: ProbeReport, valid_for_s: float) -> None:
        if report.probe == LINK:
            report = self._link.rounds_say(report)
        self.judgement.take(report, utc_now(), valid_for_s)

    def _set_circumstances(self) -> None:
        self.judgement.circumstances = Circumstances(
            phase=self._outlook.phase, meeting=self._outlook.meeting_id, limits_version=self._limits_version
        )

    async def _follow_agenda(self) -> None:
        while True:
            now = utc_now()
            before, self._outlook = self._outlook, agenda.outlook(self._meetings, now)
            self._set_circumstances()
            if (before.phase, before.meeting_id) != (self._outlook.phase, self._outlook.meeting_id):
                log.info("phase %s → %s (%s)", before.phase, self._outlook.phase, self._outlook.meeting_id or "no meeting")
                self._phase_changed()
            if self._outlook.check and self._outlook.check not in self._checks and not self._checking.locked():
                self._tasks.spawn(self._scheduled_check(self._outlook.check), "scheduled check")
            wait_s = 5.0
            if self._outlook.changes_at is not None:
                wait_s = min(wait_s, max(0.02, (self._outlook.changes_at - utc_now()).total_seconds()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()
            self._woken.clear()

    def _phase_changed(self) -> None:
        """Look anew as the phase wants it, and listen without a pause or stop doing so."""
        self._link.set_phase(self._outlook.phase, self._outlook.meeting_id)
        if self._outlook.phase is Phase.LIVE:
            self._tour.stop()
        listen = self._outlook.phase in agenda.WATCHED_PHASES and self._can_listen()
        self._rounds[MICROPHONE].paused = listen
        self._tasks.spawn(self._microphone_watch.follow(listen), "microphone watch")
        for each in self._rounds.values():
            each.hurry()

    def _can_listen(self) -> bool:
        settings = self.configuration.settings[MICROPHONE]
        return self.configuration.fitted(MICROPHONE) and not getattr(settings, "sound_in_codec", False)

    async def _breathe(self) -> None:
        """Signs of life, to the center, to systemd, to the marker file and to whoever asks `status`."""
        told_s, told_period_s, shown = 0.0, 0.0, self.judgement.changes
        while True:
            self._self_check.look(utc_now(), self._outlook.phase, self._host_limits())
            self._rehearsed.look(utc_now(), self._outlook)
            self._off_order.look(utc_now(), self._outlook.phase)
            if self._outlook.meeting is not None:
                self._link.tell_figures(utc_now())
            period_s = HEARTBEAT_IDLE_S if self._outlook.meeting is None else HEARTBEAT_S
            if period_s != told_period_s or time.monotonic() - told_s >= period_s:  # a promise that changes is told at once
                told_s, told_period_s = time.monotonic(), period_s
                self._tell_alive(period_s)
            elif shown != self.judgement.changes:
                self._write_status()
            shown = self.judgement.changes
            await asyncio.sleep(HEARTBEAT_S)

    def _tell_alive(self, period_s: float) -> None:
        self.judgement.teller.heartbeat(
            Heartbeat(
                boot=self.outbox.boot,
                at=utc_now(),
                phase=self._outlook.phase,
                uptime_s=round(time.monotonic() - self._started_s, 1),
                period_s=period_s,
                outbox_rows=self.outbox.rows,
            )
        )
        self._life.beat()
        self._write_status()
        stuck = [name for name, each in self._rounds.items() if each.overdue]
        if stuck:
            log.error("no round was finished for long: %s", ", ".join(stuck))
        else:
            systemd.notify("WATCHDOG=1")

    async def _gather_figures(self) -> None:
        while True:
            await asyncio.sleep(FIGURES_PERIOD_S)
            self.judgement.close_figures(utc_now(), self._link.rollups())

    def _write_status(self, *, stopped: bool = False) -> None:
        keep.write_struct(self._directory / FILE, self.status(stopped=stopped), durable=False)

    def status(self, *, stopped: bool = False) -> AgentStatus:
        """What holds now."""
        site, outlook = self.configuration.site, self._outlook
        return AgentStatus(
            site=site.id,
            name=site.name,
            at=utc_now(),
            started_at=self.started_at,
            pid=0 if stopped else os.getpid(),
            version=VERSION,
            phase=outlook.phase,
            meeting=outlook.meeting_id,
            meeting_title=outlook.meeting.title if outlook.meeting is not None else "",
            next_change_at=outlook.changes_at,
            uplink="" if self._uplink is None else (self._uplink.endpoint if self._uplink.connected else "") or "none",
            uplink_error="" if self._uplink is None or self._uplink.connected else self._uplink.error,
            outbox_rows=self.outbox.rows,
            outbox_error=self.outbox.error,
            limits_version=self._limits_version,
            slow_rounds=sum(each.slow for each in self._rounds.values()),
            page=self.page_address,
            checked_at=self.checked_at,
            components=tuple(self.judgement.states.values()),
        )


def _read_agenda(configuration: Configuration) -> tuple[Meeting, ...]:
    kept = keep.read(configuration.directory / AGENDA_FILE, Agenda)
    horizon = utc_now() - MEETINGS_KEPT
    return tuple(meeting for meeting in kept.meetings if meeting.plan.wrap_up.ends_at > horizon) if kept is not None else ()


def threadsafe(loop: asyncio.AbstractEventLoop, take: Callable[..., None]) -> Callable[..., None]:
    """`take`, to be called from any thread and run in the loop."""

    def call(*arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: the daemon is leaving
            loop.call_soon_threadsafe(take, *arguments)

    return call


def run(configuration: Configuration) -> None:
    """Run the agent until it is told to stop.

    Raises:
        ConfigError: the state directory cannot be used.
    """
    directory = configuration.directory
    ptz.check(configuration)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{configuration.path}: state.directory: {directory}: {error.strerror}") from None
    if configuration.center is not None:
        center.credentials(configuration)
    outbox = Outbox(directory / "outbox.sqlite", site=configuration.site.id)
    asyncio.run(_run(configuration, outbox))


async def _run(configuration: Configuration, outbox: Outbox) -> None:
    await Daemon(configuration, outbox).run()
