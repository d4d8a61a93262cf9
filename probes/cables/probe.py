"""The cables probe: network port, declared USB devices and HDMI connectors, mains."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from contract.catalog import missing
from contract.messages import ProbeReport
from contract.readings import Failure
from probes.cables import source
from probes.cables.judge import judge
from probes.cables.limits import CablesLimits, CablesSettings
from probes.cables.measure import readings_of
from probes.interface import Look


def run(settings: CablesSettings, limits: CablesLimits, look: Look) -> ProbeReport:
    """Look at what hangs on the machine once."""
    began_at, began = datetime.now(UTC), time.monotonic()
    if not settings.fitted:
        return ProbeReport(
            probe="cables", began_at=began_at, duration_s=0.0, readings=(missing("cables.carrier", Failure.NOT_FITTED, at=began_at),)
        )
    facts = source.look(settings, look.state_directory, began_at)
    readings = readings_of(facts, settings, began_at)
    return ProbeReport(
        probe="cables",
        began_at=began_at,
        duration_s=time.monotonic() - began,
        readings=readings,
        findings=judge(readings, settings, limits, look),
        devices=facts.devices,
    )
