"""Pure: which pins of requirements.lock a package needs on which Python, and which wheels fit there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

GLIBC_MINOR = 36
"""Debian 12 has glibc 2.36; what wants a newer one is left out."""
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class LockError(Exception):
    """The lock does not hold what is needed, in one sentence."""


@dataclass(frozen=True)
class Pin:
    """One entry of the lock: this version, in one of these files.

    Attributes:
        sha256: Digests of the files that may stand for it.
        marker: Where it counts; None: everywhere.
    """

    name: NormalizedName
    version: str
    sha256: frozenset[str]
    marker: Marker | None = None


@dataclass(frozen=True)
class Target:
    """A CPython on an x86-64 Debian, for example ``Target(3, 11)``."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @cached_property
    def environment(self) -> dict[str, str]:
        """Values of the markers of PEP 508 there."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self}.0",
            "os_name": "posix",
            "platform_machine": "x86_64",
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self}.0",
            "python_version": str(self),
            "sys_platform": "linux",
        }

    @cached_property
    def platforms(self) -> list[str]:
        """Platform tags, the newest glibc first."""
        old = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
        tags = []
        for minor in range(GLIBC_MINOR, 4, -1):
            tags += [f"manylinux_2_{minor}_x86_64"] + ([f"{old[minor]}_x86_64"] if minor in old else [])
        return [*tags, "linux_x86_64"]

    @cached_property
    def rank(self) -> dict[Tag, int]:
        """Every tag that fits; 0 fits best."""
        version = (self.major, self.minor)
        exact = cpython_tags(version, platforms=self.platforms)
        loose = compatible_tags(version, f"cp{self.major}{self.minor}", self.platforms)
        return {tag: place for place, tag in enumerate([*exact, *loose])}

    def fit(self, filename: str) -> int | None:
        """How well a wheel of that name fits, smaller is better; None: not at all."""
        tags = parse_wheel_filename(filename)[3]
        return min((self.rank[tag] for tag in tags if tag in self.rank), default=None)


TARGETS = (Target(3, 11), Target(3, 12), Target(3, 13))
"""Debian 12, Ubuntu 24.04, Debian 13."""

Requires = Callable[[Sequence[Pin]], Mapping[NormalizedName, Sequence[Requirement]]]
"""What the wheels of some pins ask for, by name."""


def roots(pyproject: str, extras: Iterable[str]) -> list[Requirement]:
    """What pyproject.toml asks for: always, and by these extras."""
    project = tomllib.loads(pyproject)["project"]
    optional = [text for extra in extras for text in project["optional-dependencies"][extra]]
    return [Requirement(text) for text in (*project["dependencies"], *optional)]


def parse(text: str) -> tuple[Pin, ...]:
    """Entries of a lock file with hashes."""
    pins = []
    for joined in text.replace("\\\n", " ").splitlines():
        line = joined.partition(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        requirement = Requirement(_HASH.sub("", line))
        (specifier,) = requirement.specifier
        name = canonicalize_name(requirement.name)
        pins.append(Pin(name, str(Version(specifier.version)), frozenset(_HASH.findall(line)), requirement.marker))
    return tuple(pins)


def pinned(pins: Iterable[Pin], name: str, target: Target) -> Pin:
    """The one entry for a name that counts at a target.

    Raises:
        LockError: there is none, or more than one.
    """
    found = [pin for pin in pins if pin.name == canonicalize_name(name) and (pin.marker is None or pin.marker.evaluate(target.environment))]
    if len(found) != 1:
        raise LockError(f"requirements.lock holds {len(found)} versions of {name} for Python {target}, 1 is needed: run make lock")
    return found[0]


def closure(roots: Iterable[Requirement], pins: Sequence[Pin], target: Target, requires: Requires) -> tuple[Pin, ...]:
    """Everything that must be installed at a target for some requirements, sorted by name.

    Raises:
        LockError: something needed is not in the lock, or in a version that does not do.
    """
    chosen: dict[NormalizedName, Pin] = {}
    asked: set[tuple[NormalizedName, frozenset[str]]] = set()
    waiting = list(roots)
    while waiting:
        fresh: list[tuple[Pin, frozenset[str]]] = []
        for requirement in waiting:
            pin = pinned(pins, requirement.name, target)
            if not requirement.specifier.contains(pin.version, prereleases=True):
                raise LockError(f"requirements.lock holds {pin.name} {pin.version}, but {requirement} is asked for: run make lock")
            chosen[pin.name] = pin
            want = (pin.name, frozenset(requirement.extras))
            if want not in asked:
                asked.add(want)
                fresh.append((pin, want[1]))
        told = requires([pin for pin, _ in fresh]) if fresh else {}
        waiting = [needed for pin, extras in fresh for needed in told[pin.name] if counts(needed, target, extras)]
    return tuple(chosen[name] for name in sorted(chosen))


def counts(requirement: Requirement, target: Target, extras: Iterable[str] = ()) -> bool:
    """Whether a requirement holds at a target, for a package that was asked for with these extras."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**target.environment, "extra": extra}) for extra in ("", *extras))
