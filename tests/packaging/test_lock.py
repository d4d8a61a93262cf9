"""Which pins and wheels go into a package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from deb_builder import lock
from deb_builder.deb import PACKAGES
from deb_builder.lock import LockError, Pin, Target
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

A, B, C = "a" * 64, "b" * 64, "c" * 64
LOCK = f"""\
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:{A} \\
    --hash=sha256:{B}
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:{C}
Requests_OAuthlib==2.0.0 \\
    --hash=sha256:{A}
oauthlib==4.0.1 \\
    --hash=sha256:{A}
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:{A}
"""
OLD, NEW = Target(3, 11), Target(3, 13)


def asking(**told: Sequence[str]) -> lock.Requires:
    def requires(pins: Sequence[Pin]) -> Mapping[NormalizedName, Sequence[Requirement]]:
        return {pin.name: [Requirement(text) for text in told.get(pin.name.replace("-", "_"), ())] for pin in pins}

    return requires


def names(pins: Sequence[Pin]) -> list[str]:
    return [f"{pin.name} {pin.version}" for pin in pins]


def test_a_lock_is_read_with_its_hashes_and_markers() -> None:
    pins = lock.parse(LOCK)
    assert names(pins) == ["numpy 2.4.6", "numpy 2.5.5", "requests-oauthlib 2.0.0", "oauthlib 4.0.1", "colorama 0.4.6"]
    assert pins[0].sha256 == {A, B}
    assert str(pins[0].marker) == 'python_full_version < "3.12"'


def test_each_python_gets_its_own_version() -> None:
    roots, pins = [Requirement("numpy>=2")], lock.parse(LOCK)
    assert names(lock.closure(roots, pins, OLD, asking())) == ["numpy 2.4.6"]
    assert names(lock.closure(roots, pins, NEW, asking())) == ["numpy 2.5.5"]


def test_what_is_needed_by_what_is_needed_comes_along_and_what_another_system_needs_does_not() -> None:
    requires = asking(requests_oauthlib=("oauthlib>=3", 'colorama; sys_platform == "win32"', 'numpy; extra == "fast"'))
    pins = lock.parse(LOCK)
    assert names(lock.closure([Requirement("requests-oauthlib")], pins, OLD, requires)) == ["oauthlib 4.0.1", "requests-oauthlib 2.0.0"]
    assert "numpy 2.4.6" in names(lock.closure([Requirement("requests-oauthlib[fast]")], pins, OLD, requires))


@pytest.mark.parametrize(("root", "reason"), [("scapy", "0 versions of scapy"), ("numpy>=3", "numpy 2.4.6, but numpy>=3")])
def test_a_lock_that_does_not_hold_what_is_asked_for_stops_the_build_and_says_what_to_do(root: str, reason: str) -> None:
    with pytest.raises(LockError, match=reason) as caught:
        lock.closure([Requirement(root)], lock.parse(LOCK), OLD, asking())
    assert "make lock" in str(caught.value)


def test_circles_end() -> None:
    requires = asking(oauthlib=("requests-oauthlib",), requests_oauthlib=("oauthlib",))
    assert len(lock.closure([Requirement("oauthlib")], lock.parse(LOCK), OLD, requires)) == 2


@pytest.mark.parametrize(
    ("wheel", "fits"),
    [
        ("numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl", True),
        ("numpy-2.4.6-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl", False),
        ("opencv-5.0-cp37-abi3-manylinux_2_28_x86_64.whl", True),
        ("scapy-2.8.0-py3-none-any.whl", True),
        ("x-1-cp311-cp311-manylinux_2_39_x86_64.whl", False),  # Debian 12 has glibc 2.36
        ("x-1-cp311-cp311-musllinux_1_2_x86_64.whl", False),
        ("x-1-cp311-cp311-manylinux_2_17_aarch64.whl", False),
        ("x-1-cp311-cp311-win_amd64.whl", False),
    ],
)
def test_only_wheels_that_run_on_the_debian_of_that_python_fit(wheel: str, fits: bool) -> None:
    assert (OLD.fit(wheel) is not None) is fits


def test_a_wheel_for_exactly_this_python_fits_better_than_one_for_all() -> None:
    exact, loose = OLD.fit("x-1-cp311-cp311-manylinux_2_17_x86_64.whl"), OLD.fit("x-1-py3-none-any.whl")
    assert exact is not None
    assert loose is not None
    assert exact < loose


@pytest.mark.parametrize("target", lock.TARGETS, ids=str)
def test_every_direct_need_of_both_packages_is_in_the_real_lock(target: Target, folder: Path) -> None:
    pins = lock.parse((folder.parent / "requirements.lock").read_text(encoding="utf-8"))
    for package in PACKAGES:
        for root in lock.roots((folder.parent / "pyproject.toml").read_text(encoding="utf-8"), package.extras):
            assert lock.pinned(pins, canonicalize_name(root.name), target).sha256
