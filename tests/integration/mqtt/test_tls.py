"""Both ends over TLS 1.3, known by their certificates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from contract.messages import Lifecycle
from contract.topics import Kind
from control_center.broker.configuration import CENTER_USER, Identity, Listener, Plan, Purpose, ServerTls
from control_center.broker.supervise import Broker
from control_center.ingest import BrokerAddress, Ingest
from control_center.store import journal  # noqa: F401 — its tables
from control_center.store.base import Base, open_engine
from edge_agent.mqtt import Credentials, Endpoint
from edge_agent.outbox import Outbox
from edge_agent.uplink import Uplink

if TYPE_CHECKING:
    from tests.integration.mqtt.conftest import FreePort, Until

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


class Papers:
    """A certificate authority and what it signs."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._authority = trustme.CA()
        self.ca = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca))

    def issue(self, name: str, host: str = "") -> tuple[Path, Path]:
        leaf = self._authority.issue_cert(host or f"{name.strip('_')}.invalid", common_name=name)
        cert, key = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        leaf.cert_chain_pems[0].write_to_path(str(cert))
        leaf.private_key_pem.write_to_path(str(key))
        return cert, key


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path / "papers")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.sqlite", site="an-nhon")
    yield box
    box.close()


@pytest.fixture
def broker(papers: Papers, tmp_path: Path, free_port: FreePort) -> Iterator[Broker]:
    tls = ServerTls(papers.ca, *papers.issue("broker", "127.0.0.1"))
    sites = Listener(free_port(), tls=tls, identity=Identity.CERTIFICATE)
    center = Listener(free_port(), Purpose.CENTER, tls=tls, identity=Identity.CERTIFICATE)
    broker = Broker(Plan((sites, center)), tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


@pytest.mark.req("R9")
def test_an_event_travels_from_certificate_to_certificate(
    broker: Broker, papers: Papers, outbox: Outbox, tmp_path: Path, until: Until
) -> None:
    sites, center = broker.plan.listeners
    engine = open_engine(f"sqlite:///{tmp_path}/center.sqlite")
    Base.metadata.create_all(engine)
    cert, key = papers.issue(CENTER_USER)
    address = BrokerAddress("127.0.0.1", center.port, ca=papers.ca, cert=cert, key=key)
    ingest = Ingest(address, engine, lambda _message, _is_new: None)
    uplink = Uplink(outbox, [Endpoint("127.0.0.1", sites.port)], Credentials("", "", papers.ca, *papers.issue("an-nhon")), keepalive_s=2)
    ingest.start()
    uplink.start()
    try:
        for number in range(300):
            outbox.append(Kind.EVENT, Lifecycle(what=str(number) + "x" * 2000, at=AT), AT)
        until(lambda: outbox.flush(0) and outbox.rows == 0, "all settled")
        assert ingest.counts["stored"] >= 300
        assert uplink.connected
    finally:
        uplink.stop()
        ingest.stop()
        engine.dispose()


@pytest.mark.req("R9")
@pytest.mark.parametrize("wrong", ["stranger's authority", "other host", "no certificate"])
def test_a_broker_or_a_site_that_is_not_who_it_says_is_refused(
    broker: Broker, papers: Papers, outbox: Outbox, until: Until, wrong: str
) -> None:
    sites = broker.plan.listeners[0]
    cert, key = papers.issue("an-nhon")
    authority = Papers(papers.ca.parent / "stranger").ca if wrong == "stranger's authority" else papers.ca
    credentials = Credentials(ca=authority) if wrong == "no certificate" else Credentials(ca=authority, cert=cert, key=key)
    uplink = Uplink(outbox, [Endpoint("localhost" if wrong == "other host" else "127.0.0.1", sites.port)], credentials, max_pause_s=0.2)
    uplink.start()
    words = {"stranger's authority": "certificate verify failed", "other host": "Hostname mismatch", "no certificate": "127.0.0.1"}
    try:
        until(lambda: words[wrong] in uplink.error, "the reason")
        assert not uplink.connected
    finally:
        uplink.stop(0.0)
