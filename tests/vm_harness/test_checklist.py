"""The harness of the virtual machine test itself: what it would print and prove is wrong if these are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vm import checklist, deploy, faults
from tests.vm.checklist import Outcome, Step
from tests.vm.rig import Rig
from tests.vm.shell import RigError, wait_for

RECAP = """
PLAY RECAP *********************************************************************
phong-hop                  : ok=41   changed=12   unreachable=0    failed=0    skipped=7    rescued=0    ignored=0
trung-tam                  : ok=60   changed=0    unreachable=0    failed=0    skipped=3    rescued=0    ignored=0
"""


def proves(_rig: Rig) -> list[str]:
    return ["seen"]


def fails(_rig: Rig) -> list[str]:
    raise RigError("not so")


def asserts_wrongly(rig: Rig) -> list[str]:
    assert rig.word == "another"
    return []


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path, "trial")


def outcomes(steps: list[Step], rig: Rig) -> list[Outcome]:
    return [result.outcome for result in checklist.run_steps(steps, rig, on_failure=lambda _step: None)]


def test_a_step_that_fails_does_not_keep_the_next_from_being_tried(rig: Rig) -> None:
    assert outcomes([Step("a", "", fails), Step("b", "", proves)], rig) == [Outcome.FAILED, Outcome.PROVED]


def test_after_a_needed_step_that_fails_nothing_is_run(rig: Rig) -> None:
    steps = [Step("a", "", fails, needed=True), Step("b", "", proves), Step("c", "", proves)]
    assert outcomes(steps, rig) == [Outcome.FAILED, Outcome.NOT_RUN, Outcome.NOT_RUN]


def test_a_bare_assertion_is_told_with_its_place(rig: Rig) -> None:
    (result,) = checklist.run_steps([Step("a", "", asserts_wrongly)], rig, on_failure=lambda _step: None)
    assert result.outcome is Outcome.FAILED
    assert "asserts_wrongly" in result.seen[0] or "another" in result.seen[0]


def test_the_table_is_green_only_when_all_is_proved(rig: Rig) -> None:
    good = checklist.run_steps([Step("a", "it works", proves)], rig, on_failure=lambda _step: None)
    bad = checklist.run_steps([Step("a", "it works", proves), Step("b", "", fails)], rig, on_failure=lambda _step: None)
    assert checklist.table(good).endswith("GREEN")
    assert checklist.table(bad).endswith("RED")
    assert checklist.table([]).endswith("RED")


def test_steps_are_chosen_by_name_and_a_wrong_name_is_told() -> None:
    steps = [Step(name, "", proves) for name in "abc"]
    assert [step.name for step in checklist.chosen(steps, begin="b")] == ["b", "c"]
    assert [step.name for step in checklist.chosen(steps, only=["c", "a"])] == ["a", "c"]
    with pytest.raises(RigError, match="there is no step 'x'; there are: a, b, c"):
        checklist.chosen(steps, only=["x"])


def test_a_recap_is_read_by_host() -> None:
    recap = deploy.Recap.read(RECAP)
    assert recap.well
    assert (recap["phong-hop"]["changed"], recap["trung-tam"]["changed"]) == (12, 0)


def test_a_recap_without_a_host_or_with_a_failure_is_not_well() -> None:
    assert not deploy.Recap.read(RECAP.replace("failed=0", "failed=1")).well
    assert not deploy.Recap.read(RECAP.replace("unreachable=0", "unreachable=1")).well
    assert not deploy.Recap.read(RECAP.replace("trung-tam", "another")).well
    assert not deploy.Recap.read("").well


def test_what_never_comes_is_told_with_the_last_reason() -> None:
    def look() -> bool:
        raise RigError("nobody there")

    with pytest.raises(RigError, match=r"waited 0 s in vain: the door(.|\n)*nobody there"):
        wait_for("the door", look, limit_s=0, every_s=0)


def test_the_howl_grows_and_is_as_long_as_it_says() -> None:
    import numpy as np

    samples = np.frombuffer(faults.howl(seconds=12), "<i2").astype(float) / 32768
    assert samples.size == 12 * faults.RATE_HZ
    level = [float(np.sqrt(np.mean(part**2))) for part in np.split(samples, 12)]
    assert level[9] > 5 * level[7] > 5 * level[4]
    assert max(abs(samples)) < 1
