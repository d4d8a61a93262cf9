"""The codec probe: is the conferencing system there, on every protocol that it is said to speak, and is it set up as it was approved."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from contract.catalog import missing
from contract.messages import ProbeReport
from contract.readings import Failure
from probes.codec import snmp_look, source, web
from probes.codec.answers import Answer
from probes.codec.idle import on_when_idle
from probes.codec.judge import judge
from probes.codec.limits import CodecLimits, CodecSettings
from probes.codec.measure import readings_of
from probes.codec.restart import restarted
from probes.codec.settings_look import device_of, settings_of
from probes.interface import Look
from probes.reach import out_of_reach

log = logging.getLogger(__name__)


def run(settings: CodecSettings, limits: CodecLimits, look: Look) -> ProbeReport:
    """Ask the conferencing system once, on all protocols at the same time."""
    began_at, began_s = datetime.now(UTC), time.monotonic()
    asked = _questions(settings, limits, min(limits.answer_ms / 1000, look.deadline_s * 0.8))
    if not settings.fitted or not asked:
        why = Failure.UNSUPPORTED if settings.fitted else Failure.NOT_FITTED
        readings = (missing("codec.alive", why, at=began_at, target=settings.host),)
        return ProbeReport(probe="codec", began_at=began_at, duration_s=0.0, readings=readings)
    with ThreadPoolExecutor(len(asked)) as pool:
        pending = {protocol: pool.submit(question) for protocol, question in asked.items()}
        answers = {protocol: future.result() for protocol, future in pending.items()}
    alive = any(answer.failure is None for answer in answers.values())
    if not alive and (why_not := out_of_reach(settings.host)):
        log.info("the codec %s cannot be judged: %s", settings.host, why_not)
        readings = (missing("codec.alive", Failure.UNREACHABLE, at=began_at, target=settings.host),)
        return ProbeReport(
            probe="codec", began_at=began_at, duration_s=time.monotonic() - began_s, readings=readings, source=f"{settings.host}: {why_not}"
        )
    of_settings, changes = settings_of(
        settings, limits, look, at=began_at, left_s=began_s + look.deadline_s - time.monotonic(), alive=alive
    )
    uptime_s = next((answer.figures["codec.uptime_s"] for answer in answers.values() if "codec.uptime_s" in answer.figures), None)
    names = next((answer.names for answer in answers.values() if answer.names), "")
    return ProbeReport(
        probe="codec",
        began_at=began_at,
        duration_s=time.monotonic() - began_s,
        readings=(*readings_of(answers, settings.host, began_at), *of_settings),
        findings=(
            *judge(answers, settings, limits, look, began_at),
            *restarted(look, settings.host, uptime_s, began_at),
            *on_when_idle(look, limits, settings.host, began_at, alive=alive),
            *changes,
        ),
        source=f"{settings.host} {names}".rstrip(),
        devices=device_of(settings, look, names) if alive else (),
    )


def _questions(settings: CodecSettings, limits: CodecLimits, timeout_s: float) -> dict[str, Callable[[], Answer]]:
    """What to ask, by protocol; nothing without a host."""
    if not settings.host:
        return {}
    questions: dict[str, tuple[object, Callable[[], Answer]]] = {
        "SIP": (settings.sip_port, lambda: source.ask_sip(settings, timeout_s, limits.attempts)),
        "H.323": (settings.h323_port, lambda: source.connect(settings.host, settings.h323_port, timeout_s)),
        "HTTP": (settings.web_port, lambda: web.ask_web(settings, timeout_s)),
        "SNMP": (settings.snmp, lambda: snmp_look.ask_snmp(settings, timeout_s)),
    }
    return {protocol: question for protocol, (wanted, question) in questions.items() if wanted}
