"""Who can be phoned at each site, and which have too few people (R12: at least two trained ones a unit). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from control_center.store.registry import Contact, ContactRole, Site

LEAST_PEOPLE = 2


class Staff(NamedTuple):
    """People of one site.

    Attributes:
        site: Which.
        people: Its technicians.
        others: Whom else to phone for it: provider, power company, the center.
    """

    site: Site
    people: tuple[Contact, ...]
    others: tuple[Contact, ...]

    @property
    def too_few(self) -> bool:
        """Whether one who is ill leaves nobody; people are told apart by name."""
        return len({one.name.casefold() for one in self.people}) < LEAST_PEOPLE


def staff(sites: Iterable[Site], contacts: Sequence[Contact]) -> list[Staff]:
    """Each site with its people, those with too few first."""
    found = []
    for site in sites:
        own = [one for one in contacts if one.site == site.id]
        shared = [one for one in contacts if not one.site]
        people = tuple(one for one in own if one.role is ContactRole.SITE)
        others = tuple(one for one in (*own, *shared) if one.role is not ContactRole.SITE)
        found.append(Staff(site, people, others))
    return sorted(found, key=lambda one: (not one.too_few, one.site.name))
