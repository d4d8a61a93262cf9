from __future__ import annotations

import pytest

from contract.placing import locate
from control_center.incidents.model import Place


@pytest.mark.req("R31")
@pytest.mark.parametrize(
    ("silent", "answered", "carrier_lost", "place"),
    [
        (["gateway", "mcu", "center"], [], True, Place.SITE_LAN),
        (["gateway", "mcu", "center"], [], False, Place.GATEWAY),
        (["mcu", "center"], ["gateway"], False, Place.TSLCD),
        (["mcu", "center"], [], False, Place.TSLCD),
        (["mcu"], ["gateway", "center"], False, Place.MCU),
        (["center"], ["gateway", "mcu"], False, Place.CENTER),
        (["center"], ["gateway"], False, Place.TSLCD),
        (["center"], [], False, Place.UNKNOWN),
        (["gateway"], ["mcu", "center"], False, Place.UNKNOWN),
        ([], ["mcu"], False, Place.UNKNOWN),
    ],
)
def test_a_fault_is_placed_by_who_is_silent_and_who_answers(
    silent: list[str], answered: list[str], carrier_lost: bool, place: Place
) -> None:
    assert locate(silent, answered, carrier_lost=carrier_lost) == place
