"""What Prometheus reads: the live state in its own format, and a dashboard that asks for nothing that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine
from starlette.applications import Starlette

from contract.catalog import METRICS
from contract.findings import State
from contract.messages import Rollup
from control_center.live import LinkLight, Live
from control_center.store import accounts
from control_center.store.accounts import Account, Role
from tests.control_center.board.test_entering import PASSWORD, Browser

DASHBOARD = Path(__file__).parents[3] / "packaging/grafana/diemcau.json"


def samples(text: str) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))] = sample.value
    return found


def test_the_live_state_is_told_in_prometheus_own_format(client: Any, live: Live, component: Any, incident: Any) -> None:
    site = live.sites["hoai-nhon"]
    site.link = LinkLight.DOWN
    site.components = {"camera": component("camera", State.FAULT)}
    site.latest = {
        "link.rtt_ms/center": Rollup(metric="link.rtt_ms", unit="ms", count=3, target='a"b\\c\n', p50=7.5),
        "link.loss_percent/center": Rollup(metric="link.loss_percent", unit="%", count=0, target="center"),
    }
    live.incidents = {"x": incident()}
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    told = samples(answer.text)
    assert told["diemcau_site_link", "site=hoai-nhon", "state=down"] == 1
    assert told["diemcau_site_link", "site=hoai-nhon", "state=up"] == 0
    assert told["diemcau_component_state", "component=camera", "site=hoai-nhon", "state=fault"] == 1
    assert told["diemcau_link_rtt_ms", "site=hoai-nhon", 'target=a"b\\c\n'] == 7.5
    assert not [key for key in told if key[0] == "diemcau_link_loss_percent"], "what was not measured is not there"
    assert told["diemcau_incidents_open", "severity=critical"] == 1
    assert told["diemcau_site_info", "name=Thị xã Hoài Nhơn", "site=hoai-nhon"] == 1
    assert told["process_resident_memory_bytes",] > 1e6


def test_a_stranger_reads_nothing_and_the_machine_itself_needs_no_session(app: Starlette, engine: Engine, now: Any) -> None:
    accounts.add(engine, Account(name="ba", shown="Bà", role=Role.ADMINISTRATOR), PASSWORD, now)
    assert Browser(app).get("/metrics").status_code == 200
    assert Browser(app, "192.0.2.7").get("/metrics").status_code == 303


def test_the_dashboard_asks_for_what_is_there(client: Any, live: Live, component: Any) -> None:
    site = live.sites["hoai-nhon"]
    site.components = {"camera": component("camera")}
    site.latest = {name: Rollup(metric=name, unit=spec.unit, count=1, p50=1.0) for name, spec in METRICS.items()}
    known = {key[0] for key in samples(client.get("/metrics").text)}
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = set(re.findall(r"diemcau_\w+", json.dumps(board["panels"]) + json.dumps(board["templating"])))
    assert asked <= known
    assert len(board["panels"]) == len({panel["id"] for panel in board["panels"]})


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_nothing_is_written_by_it(app: Starlette, method: str) -> None:
    assert Browser(app).ask(method, "/metrics", headers={"sec-fetch-site": "same-origin"}).status_code == 405
