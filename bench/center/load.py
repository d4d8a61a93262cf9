"""``python -m bench.center.load``: many sites at the level of MQTT, by some connections; each site says a verdict every `--period` seconds.

Every tenth message is a minute's figures, which the center must store and settle; all others are verdicts, retained as a site's are. One
site, the marker, changes its camera's verdict twice a second, and the moment of each change is printed: the board must show it.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime, timedelta

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract import messages
from contract.findings import Component, State, Verdict
from contract.messages import ComponentState, Figures, Payload, Rollup
from contract.topics import Kind, Topic, site_topic

MARKER = "site-0"
CONNECTIONS = 8
FIGURES_EACH = 10
MARKER_S = 0.5


def main() -> None:
    """Send until the time is over."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--port", type=int, required=True)
    words.add_argument("--sites", type=int, required=True)
    words.add_argument("--period", type=float, default=10.0)
    words.add_argument("--seconds", type=float, required=True)
    options = words.parse_args()
    clients = [_connected(options.port, number) for number in range(CONNECTIONS)]
    began_s, sent, marks = time.monotonic(), 0, 0
    rate = options.sites / options.period
    figures = 0
    while (now_s := time.monotonic() - began_s) < options.seconds:
        while sent < now_s * rate:
            site = f"site-{sent % options.sites}"
            round_ = sent // options.sites
            client = clients[sent % CONNECTIONS]
            if sent % FIGURES_EACH == FIGURES_EACH - 1:
                _send(client, site, Kind.FIGURES, _figures(), seq=round_ + 1)
                figures += 1
            elif site != MARKER:
                _send(client, site, Kind.COMPONENT, _state(Component.MICROPHONE, State.OK), seq=sent, rest="microphone")
            sent += 1
        while marks < now_s / MARKER_S:
            marks += 1
            _send(
                clients[0],
                MARKER,
                Kind.COMPONENT,
                _state(Component.CAMERA, State.FAULT if marks % 2 else State.WARNING),
                seq=marks,
                rest="camera",
            )
            print(f"{marks} {'fault' if marks % 2 else 'warning'} {time.time():.6f}", flush=True)
        time.sleep(0.002)
    late_s = time.monotonic() - began_s - options.seconds
    print(f"sent {sent} figures {figures} late {late_s:.3f}", file=sys.stderr)
    for client in clients:
        client.loop_stop()


def _connected(port: int, number: int) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"load-{number}", protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(1000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def _send(client: paho.Client, site: str, kind: Kind, payload: Payload, *, seq: int, rest: str = "") -> None:
    topic = Topic(site, kind, rest)
    encoded = messages.encode(topic, payload, boot=site.replace("-", ""), seq=seq, time=datetime.now(UTC))
    client.publish(site_topic(site, kind, rest), encoded, qos=1, retain=kind is Kind.COMPONENT)


def _state(component: Component, state: State) -> ComponentState:
    return ComponentState(verdict=Verdict(component=component, state=state, at=datetime.now(UTC)), valid_for_s=60)


def _figures() -> Figures:
    now = datetime.now(UTC)
    rollups = tuple(Rollup(metric=f"link.rtt_ms_{index}", unit="ms", target="center", count=60, p50=3.1, p95=4.7) for index in range(10))
    return Figures(begins_at=now - timedelta(minutes=1), ends_at=now, rollups=rollups)


if __name__ == "__main__":
    main()
