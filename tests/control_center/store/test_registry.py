from __future__ import annotations

import pytest
from sqlalchemy import Engine

from control_center.store import registry
from control_center.store.registry import Contact, ContactRole, Site


def test_session_identifiers_are_given_from_the_lowest_free_one_and_kept(engine: Engine) -> None:
    saved = registry.save_sites(engine, [Site(id="a", name="A", ssid=0), Site(id="b", name="B", ssid=7), Site(id="c", name="C", ssid=0)])
    assert [site.ssid for site in saved] == [1, 7, 2]
    assert registry.save_sites(engine, [Site(id="c", name="C mới", ssid=0)])[0].ssid == 2


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Site(id="Quy Nhơn", name="Q", ssid=0), "is no site id"),
        (Site(id="b", name="B", ssid=1), "ssid 1 of 'b' is already that of 'a'"),
        (Site(id="b", name="B", ssid=65536), "not within 1 to 65535"),
    ],
)
def test_a_site_that_cannot_be_is_refused_whole(engine: Engine, wanted: Site, words: str) -> None:
    registry.save_sites(engine, [Site(id="a", name="A", ssid=1)])
    with pytest.raises(ValueError, match=words):
        registry.save_sites(engine, [Site(id="new", name="N", ssid=0), wanted])
    assert [site.id for site in registry.sites(engine)] == ["a"]


@pytest.mark.req("R55")
def test_a_name_typed_decomposed_is_the_same_name(engine: Engine) -> None:
    decomposed = "Thi\u0323 xa\u0303 Hoa\u0300i Nho\u031bn"
    registry.save_sites(engine, [Site(id="hoai-nhon", name=decomposed, ssid=0)])
    found = registry.site(engine, "hoai-nhon")
    assert found is not None
    assert found.name == "Thị xã Hoài Nhơn"


@pytest.mark.req("R7")
def test_a_sites_own_contacts_come_before_those_for_all(engine: Engine) -> None:
    registry.save_sites(engine, [Site(id="a", name="A", ssid=0), Site(id="b", name="B", ssid=0)])
    provider = Contact(role=ContactRole.PROVIDER, name="VNPT", phone="18001260")
    own = Contact(role=ContactRole.SITE, name="Lan", phone="0901", site="a")
    registry.replace_contacts(engine, "", [provider])
    registry.replace_contacts(engine, "a", [own])
    assert registry.contacts(engine, "a") == [own, provider]
    assert registry.contacts(engine, "b") == [provider]
    registry.replace_contacts(engine, "a", [])
    assert registry.contacts(engine) == [provider]


def test_every_change_moves_the_revision(engine: Engine) -> None:
    before = registry.revision(engine)
    registry.save_sites(engine, [Site(id="a", name="A", ssid=0)])
    assert registry.revision(engine) == before + 1
