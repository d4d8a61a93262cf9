"""Who may do what at the broker, asked of a real Mosquitto."""

from __future__ import annotations

import queue
import ssl
from typing import TYPE_CHECKING

import pytest

from contract.topics import FROM_SITE, TO_SITE, Kind, agenda, center_status, site_topic
from control_center.broker.configuration import CENTER_USER
from control_center.broker.supervise import Broker

if TYPE_CHECKING:
    from tests.control_center.broker.conftest import Connect, Papers

DENIED = "Not authorized"
TAKEN = ("Success", "No matching subscribers")
DEEP = (Kind.COMPONENT, Kind.COMMAND)


def topic_of(site: str, kind: Kind) -> str:
    return site_topic(site, kind, "camera" if kind in DEEP else "")


def sites_port(broker: Broker) -> int:
    return broker.plan.listeners[0].port


def center_port(broker: Broker) -> int:
    return broker.plan.listeners[1].port


@pytest.mark.req("R9")
def test_a_site_writes_its_own_topics_and_nothing_else(password_broker: Broker, connect: Connect) -> None:
    site = connect(sites_port(password_broker), user="an-nhon", password="an-nhon-secret")
    assert site.answer == "Success"
    center = connect(center_port(password_broker), user=CENTER_USER, password="center-secret")
    assert center.subscribe("diemcau/v1/#").startswith("Granted")
    for kind in FROM_SITE:
        assert site.publish(topic_of("an-nhon", kind)) == "Success", kind
    for kind in FROM_SITE:
        assert site.publish(topic_of("hoai-nhon", kind)) == DENIED, f"another site's {kind}"
    for kind in TO_SITE:
        assert site.publish(topic_of("an-nhon", kind)) == DENIED, f"a site must not forge its own {kind}"
    for topic in (center_status(), agenda("an-nhon"), "elsewhere", "diemcau/v1/an-nhon/evt/deeper"):
        assert site.publish(topic) == DENIED, topic
    arrived = {center.messages.get(timeout=20)[0] for _ in FROM_SITE}
    assert arrived == {topic_of("an-nhon", kind) for kind in FROM_SITE}
    with pytest.raises(queue.Empty):
        center.messages.get(timeout=0.2)


@pytest.mark.req("R9")
def test_a_site_hears_only_what_is_meant_for_it(password_broker: Broker, connect: Connect) -> None:
    center = connect(center_port(password_broker), user=CENTER_USER, password="center-secret")
    curious = connect(sites_port(password_broker), user="hoai-nhon", password="hoai-nhon-secret")
    for topic in (
        "#",
        "diemcau/v1/#",
        "diemcau/v1/an-nhon/evt",
        "diemcau/v1/+/ack",
        agenda("an-nhon"),
        agenda("hoai-nhon"),
        center_status(),
    ):
        curious.subscribe(topic)
    own = connect(sites_port(password_broker), user="an-nhon", password="an-nhon-secret")
    own.publish(topic_of("an-nhon", Kind.EVENT), b"an event of an-nhon")
    for kind in TO_SITE:
        center.publish(topic_of("an-nhon", kind), b"for an-nhon")
    center.publish(agenda("an-nhon"), b"for an-nhon")
    center.publish(topic_of("hoai-nhon", Kind.ACK), b"for hoai-nhon")
    center.publish(agenda("hoai-nhon"), b"for hoai-nhon")
    center.publish(center_status(), b"for all")
    heard = set()
    while (center_status(), b"for all") not in heard:
        heard.add(curious.messages.get(timeout=20))
    assert heard == {
        (topic_of("hoai-nhon", Kind.ACK), b"for hoai-nhon"),
        (agenda("hoai-nhon"), b"for hoai-nhon"),
        (center_status(), b"for all"),
    }


@pytest.mark.parametrize(
    ("user", "password"), [("", ""), ("an-nhon", ""), ("an-nhon", "hoai-nhon-secret"), ("unknown", "x"), (CENTER_USER, "an-nhon-secret")]
)
@pytest.mark.req("R9")
def test_without_the_right_password_nobody_comes_in(password_broker: Broker, connect: Connect, user: str, password: str) -> None:
    assert connect(sites_port(password_broker), user=user, password=password).answer == DENIED


def test_a_will_on_another_sites_topic_is_not_delivered(password_broker: Broker, connect: Connect) -> None:
    center = connect(center_port(password_broker), user=CENTER_USER, password="center-secret")
    center.subscribe("diemcau/v1/#")
    will = (site_topic("hoai-nhon", Kind.STATUS), b"forged")
    forger = connect(sites_port(password_broker), user="an-nhon", password="an-nhon-secret", will=will)
    forger.vanish()
    honest = connect(
        sites_port(password_broker), user="hoai-nhon", password="hoai-nhon-secret", will=(site_topic("hoai-nhon", Kind.STATUS), b"true")
    )
    honest.vanish()
    topic, payload = center.messages.get(timeout=20)
    while topic != will[0]:
        topic, payload = center.messages.get(timeout=20)
    assert payload == b"true"


def test_a_site_cannot_throw_another_off_with_its_client_id(password_broker: Broker, connect: Connect) -> None:
    victim = connect(sites_port(password_broker), user="an-nhon", password="an-nhon-secret", client_id="an-nhon")
    attacker = connect(sites_port(password_broker), user="hoai-nhon", password="hoai-nhon-secret", client_id="an-nhon")
    assert attacker.answer == "Success"
    assert attacker.publish(topic_of("hoai-nhon", Kind.HEARTBEAT)) in TAKEN
    assert victim.publish(topic_of("an-nhon", Kind.HEARTBEAT)) in TAKEN


def test_two_workers_of_the_center_can_be_connected_at_once(password_broker: Broker, connect: Connect) -> None:
    first = connect(center_port(password_broker), user=CENTER_USER, password="center-secret", client_id="w1")
    second = connect(center_port(password_broker), user=CENTER_USER, password="center-secret", client_id="w2")
    assert first.publish(center_status()) in TAKEN
    assert second.publish(center_status()) in TAKEN


@pytest.mark.req("R9")
def test_a_certificate_says_who_comes_and_what_may_be_written(certificate_broker: Broker, connect: Connect, papers: Papers) -> None:
    port = sites_port(certificate_broker)
    site = connect(port, tls=papers.context("an-nhon"), user="hoai-nhon", password="a name that the certificate outranks")
    assert site.answer == "Success"
    assert site.publish(topic_of("an-nhon", Kind.EVENT)) in TAKEN
    assert site.publish(topic_of("hoai-nhon", Kind.EVENT)) == DENIED


@pytest.mark.req("R9")
def test_without_a_certificate_or_with_a_strangers_nobody_comes_in(
    certificate_broker: Broker, connect: Connect, papers: Papers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = type(papers)(tmp_path_factory.mktemp("stranger"))
    forged = ssl.create_default_context(cafile=str(papers.ca))
    forged.load_cert_chain(*stranger.issue("an-nhon"))
    for context in (papers.context(), forged):
        assert came_in(connect, sites_port(certificate_broker), context) != "Success"
    assert came_in(connect, sites_port(certificate_broker), papers.context("an-nhon")) == "Success"


def came_in(connect: Connect, port: int, context: ssl.SSLContext) -> str:
    """The broker's answer; with TLS 1.3 a refused certificate shows only after the client's own handshake."""
    try:
        return connect(port, tls=context).answer
    except OSError as error:
        return str(error)


def test_tls_older_than_1_3_is_refused(certificate_broker: Broker, connect: Connect, papers: Papers) -> None:
    context = papers.context("an-nhon")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError):
        connect(sites_port(certificate_broker), tls=context)
