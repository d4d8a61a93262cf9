"""``control-center run``: starts the parts, joins them in one loop, stops them in order.

Other threads (ingest, liveness) hand over with `call_soon_threadsafe`; everything that decides runs in the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from contract import systemd
from contract.findings import Severity
from contract.messages import Message
from control_center import housekeeping, recovery, watchdog
from control_center.board.app import create_app
from control_center.board.door import is_loopback
from control_center.board.server import BoardServer, make_server
from control_center.broker.configuration import CENTER_USER, Listener, Purpose, ServerTls
from control_center.broker.configuration import Plan as BrokerPlan
from control_center.broker.supervise import Broker, BrokerError
from control_center.clockwork import REMEMBERED, Clockwork, Listeners
from control_center.config import BrokerSettings, Configuration
from control_center.incidents.engine import Engine as IncidentEngine
from control_center.incidents.model import Incident
from control_center.incidents.rules import Rules
from control_center.ingest.ingest import Ingest
from control_center.ingest.link import BrokerAddress
from control_center.live import LinkLight, Live
from control_center.liveness import Liveness
from control_center.liveness.keys import read_secret
from control_center.notify import notices
from control_center.notify.escalation import Escalation
from control_center.notify.sender import Notifier, through_apprise
from control_center.quiet import Quiet
from control_center.sites import identities
from control_center.store import database, registry, tenancy
from control_center.store import incidents as incident_store
from control_center.switchboard import Switchboard
from control_center.teller import Teller
from control_center.version import version

log = logging.getLogger("control_center")
LOOPBACK = "127.0.0.1"
HEALTH_S = 60.0


class StartError(RuntimeError):
    """The center cannot start or go on; the text says why, in one sentence."""


def main(configuration: Configuration) -> int:
    """Run until SIGTERM or SIGINT.

    Raises:
        StartError: if a part cannot start, or ends by itself.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("alembic", "apprise"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with contextlib.ExitStack() as stack:
        engine = _open(configuration, stack)
        asyncio.run(Service(configuration, engine).run())
    return 0


def _now() -> datetime:
    return datetime.now(UTC)


def _open(configuration: Configuration, stack: contextlib.ExitStack) -> Engine:
    """The folder, held until the end, and its database."""
    try:
        stack.enter_context(tenancy.alone(configuration.directory))
        engine = database.open_store(configuration.directory, configuration.center.database)
        stack.callback(engine.dispose)
        backup = database.upgrade(engine, configuration.directory / "backups", _now())
    except (OSError, SQLAlchemyError, database.StoreError) as error:
        raise StartError(f"{configuration.path}: center.directory: {error}") from error
    if backup is not None:
        log.info("database upgraded; what it was before lies in %s", backup)
    return engine


def free_port(host: str) -> int:
    """A TCP port that nobody listens on now."""
    with socket.create_server((host, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def broker_plan(settings: BrokerSettings, center_port: int, passwords: Mapping[str, str]) -> BrokerPlan:
    """What the managed broker is told: a listener for the sites, one on the loopback for the center."""
    tls = ServerTls(ca=Path(settings.ca), cert=Path(settings.cert), key=Path(settings.key)) if settings.cert else None
    sites = Listener(port=settings.port, address=settings.host, tls=tls)
    return BrokerPlan(listeners=(sites, Listener(port=center_port, purpose=Purpose.CENTER)), passwords=passwords)


def broker_address(settings: BrokerSettings) -> BrokerAddress:
    """Where a broker is found that is not managed, and as whom.

    Raises:
        StartError: if the password cannot be read.
    """
    password = ""
    if settings.password_file:
        try:
            password = Path(settings.password_file).read_text(encoding="utf-8").partition("\n")[0].strip()
        except (OSError, UnicodeDecodeError) as error:
            raise StartError(f"broker.password_file: {settings.password_file}: {error}") from None
    ca, cert, key = (Path(text) if text else None for text in (settings.ca, settings.cert, settings.key))
    name = settings.username or CENTER_USER
    return BrokerAddress(host=settings.host, port=settings.port, username=name, password=password, ca=ca, cert=cert, key=key)


class Service:
    """All parts of the center, and the loop that joins them."""

    def __init__(self, configuration: Configuration, engine: Engine) -> None:
        rules = configuration.incidents
        self._configuration = configuration
        self._engine = engine
        self._live = Live()
        self._incidents = IncidentEngine(
            Rules(
                flap_window=timedelta(seconds=rules.flap_window_s),
                group_sites=rules.group_sites,
                group_window=timedelta(seconds=rules.group_window_s),
            ),
            incident_store.recent(engine, _now() - REMEMBERED),
        )
        self._live.incidents = {incident.id: incident for incident in self._incidents.lasting()}
        self._notifier = self._make_notifier(configuration.notify.urls, "notify.urls", self._notice)
        self._second = self._make_notifier(configuration.notify.escalate_urls, "notify.escalate_urls", self._unseen)
        self._escalation = Escalation(
            self._incidents.lasting,
            lambda incident: self._second.take(incident) if self._second is not None else None,
            _now,
            timedelta(seconds=configuration.notify.escalate_after_s),
        )
        self._teller = Teller(self._live, functools.partial(incident_store.save, engine), _now, [self._note_incident])
        grace = timedelta(seconds=rules.heartbeat_grace_s)
        self._quiet = Quiet(engine, self._teller.take, self._incidents.lasting, _now)
        self._switchboard = Switchboard(self._live, self._incidents, self._quiet.take, started_at=_now(), heartbeat_grace=grace)
        self._clockwork = Clockwork(engine, configuration.directory, self._live, self._switchboard, _now)
        self._stopping = asyncio.Event()
        self._broker: Broker | None = None
        self._center_port = 0

    # Life

    async def run(self) -> None:
        """Start everything, wait for a signal, stop everything in order."""
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stopping.set)
        self._clockwork.load()
        self._switchboard.know({site.id: site.name for site in self._clockwork.sites.values()})
        async with contextlib.AsyncExitStack() as stack:
            address = await self._start_broker(stack)
            tasks = [self._task(stack, self._teller.run(), "teller", self._teller.stop)]
            self._start_notifier(stack)
            await asyncio.to_thread(self._quiet.look)
            self._tell_again()
            liveness = self._start_liveness(stack)
            ingest = Ingest(address, self._engine, functools.partial(self._in_loop, self._on_message), version=version())
            ingest.start()
            stack.push_async_callback(asyncio.to_thread, ingest.stop)
            listeners = Listeners(ingest.publish, functools.partial(self._sites_changed, liveness), liveness.expect, liveness.heard)
            tasks.append(self._task(stack, self._clockwork.run(listeners), "clockwork"))
            tasks.append(self._task(stack, self._tell_health(ingest), "health"))
            tasks.append(self._task(stack, self._quiet.run(), "quiet"))
            tasks.append(self._task(stack, self._escalation.run(), "escalation"))
            tasks.append(self._task(stack, housekeeping.run(self._engine, self._configuration.retention, _now), "housekeeping"))
            server, listener = self._make_web()
            tasks.append(self._task(stack, server.serve(sockets=[listener]), "web", lambda: setattr(server, "should_exit", True)))
            vigil = watchdog.tell(server.listening, lambda: ingest.connected, lambda: ingest.alive)
            tasks.append(self._task(stack, vigil, "watchdog"))
            await self._until_stopped(tasks)
            systemd.notify("STOPPING=1")
            log.info("stopping")
        log.info("stopped")

    def _task(self, stack: contextlib.AsyncExitStack, work: Any, name: str, end: Callable[[], object] | None = None) -> asyncio.Task[None]:
        """Run a part as a task; at the end ask it to end, or cancel it, and wait for it."""
        task: asyncio.Task[None] = asyncio.create_task(work, name=name)

        async def finish() -> None:
            (end or task.cancel)()
            with contextlib.suppress(asyncio.CancelledError):
                await task

        stack.push_async_callback(finish)
        return task

    async def _until_stopped(self, tasks: list[asyncio.Task[None]]) -> None:
        """Wait for the signal; a part that ends by itself ends the center, which systemd starts again."""
        stop = asyncio.create_task(self._stopping.wait(), name="stop")
        done, _ = await asyncio.wait({stop, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        for task in done - {stop}:
            error = None if task.cancelled() else task.exception()
            raise StartError(f"the part {task.get_name()!r} ended by itself: {error!r}") from error

    async def _start_broker(self, stack: contextlib.AsyncExitStack) -> BrokerAddress:
        settings = self._configuration.broker
        if not settings.managed:
            return broker_address(settings)
        self._center_port = settings.center_port or free_port(LOOPBACK)
        passwords = await asyncio.to_thread(self._passwords)
        try:
            self._broker = Broker(broker_plan(settings, self._center_port, passwords), self._configuration.directory / "broker")
            await asyncio.to_thread(self._broker.start)
        except (BrokerError, ValueError, OSError) as error:
            raise StartError(f"{self._configuration.path}: broker: {error}") from error
        stack.push_async_callback(asyncio.to_thread, self._broker.stop)
        return BrokerAddress(host=LOOPBACK, port=self._center_port, password=passwords[CENTER_USER])

    def _passwords(self) -> dict[str, str]:
        return identities.passwords(self._configuration.directory, [CENTER_USER, *self._clockwork.sites])

    def _start_notifier(self, stack: contextlib.AsyncExitStack) -> None:
        for notifier in (self._notifier, self._second):
            if notifier is not None:
                notifier.start()
                stack.push_async_callback(asyncio.to_thread, notifier.stop)

    def _make_notifier(self, urls: Sequence[str], key: str, words: Callable[[Incident], notices.Notice]) -> Notifier | None:
        if not urls:
            return None
        try:
            send = through_apprise(urls)
        except ValueError as error:
            raise StartError(f"{self._configuration.path}: {key}: {error}") from None
        return Notifier(send, words, Severity(self._configuration.notify.least))

    def _tell_again(self) -> None:
        """Tell the engine what the journal holds and a crash may have kept from it."""
        for told in recovery.journal_since(self._engine, _now() - REMEMBERED):
            self._switchboard.event(told.site, told.event, told.received_at, told.clock_offset_ms)

    def _start_liveness(self, stack: contextlib.AsyncExitStack) -> Liveness:
        stamp = self._configuration.stamp
        try:
            secret = read_secret(stamp.secret_file)
        except (OSError, ValueError) as error:
            raise StartError(f"{self._configuration.path}: stamp: secret_file {stamp.secret_file!r}: {error}") from error
        told = functools.partial(self._in_loop, self._switchboard.signal)
        liveness = Liveness(stamp.host, stamp.port, self._clockwork.sites, told, secret=secret, require_keys=stamp.require_keys)
        try:
            liveness.start()
        except OSError as error:
            raise StartError(f"{self._configuration.path}: stamp: {stamp.host}:{stamp.port}: {error.strerror}") from error
        stack.push_async_callback(asyncio.to_thread, liveness.stop)
        return liveness

    def _make_web(self) -> tuple[BoardServer, socket.socket]:
        web = self._configuration.web
        app = create_app(
            self._live,
            self._engine,
            acknowledge=self._acknowledge,
            names=self._configuration.names,
            open_without_accounts=is_loopback(web.host),
        )
        try:
            listener = socket.create_server((web.host, web.port), family=socket.AF_INET6 if ":" in web.host else socket.AF_INET)
        except OSError as error:
            raise StartError(f"{self._configuration.path}: web: {web.host}:{web.port}: {error.strerror}") from error
        log.info("board at http://%s:%d/", web.host, listener.getsockname()[1])
        return make_server(app, host=web.host, port=web.port), listener

    # What the parts say

    def _in_loop(self, act: Callable[..., None], *arguments: Any) -> None:
        """Hand over from another thread; what comes after the end is dropped, the journal has it."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(act, *arguments)

    def _on_message(self, message: Message, is_new: bool) -> None:
        self._switchboard.message(message, _now(), is_new=is_new)
        meeting = getattr(message.payload, "meeting", "")
        if is_new and meeting:
            self._clockwork.late_news(meeting)

    def _note_incident(self, incident: Incident) -> None:
        self._clockwork.note(incident)
        if self._notifier is not None:
            self._notifier.take(incident)
        self._escalation.note(incident)

    def _notice(self, incident: Incident, *, unseen: bool = False) -> notices.Notice:
        site = self._clockwork.sites.get(incident.site)
        name, contacts = site.name if site else incident.site, registry.contacts(self._engine, incident.site)
        return notices.notice(incident, name, contacts, unseen=unseen)

    def _unseen(self, incident: Incident) -> notices.Notice:
        return self._notice(incident, unseen=True)

    def _sites_changed(self, liveness: Liveness, sites: Mapping[str, registry.Site]) -> None:
        liveness.set_sites(sites)
        if self._broker is not None and self._broker.plan.passwords.keys() != {CENTER_USER, *sites}:
            self._broker.reload(broker_plan(self._configuration.broker, self._center_port, self._passwords()))

    async def _acknowledge(self, incident_id: str, name: str, at: datetime) -> Incident | None:
        """For the board: written first, then told."""
        done = await asyncio.to_thread(incident_store.acknowledge, self._engine, incident_id, by=name, at=at)
        if done is not None:
            self._switchboard.acknowledged(incident_id, done.acknowledged_by, done.acknowledged_at or at)
        return done

    async def _tell_health(self, ingest: Ingest) -> None:
        """One line a minute: enough to see from the journal alone that the center works."""
        while True:
            await asyncio.sleep(HEALTH_S)
            self._incidents.forget(_now() - REMEMBERED)
            up = sum(site.link is LinkLight.UP for site in self._live.sites.values())
            log.info(
                "health: sites up %d of %d, incidents %d, broker %s, messages %s, failed writes %d%s",
                up,
                len(self._live.sites),
                len(self._live.incidents),
                "connected" if ingest.connected else "not connected",
                dict(ingest.counts),
                self._teller.failed_writes,
                f", trouble: {ingest.error}" if ingest.error else "",
            )
