from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from control_center.sites import exchange, identities
from control_center.store import registry

FILE = """
[[site]]
id = "hoai-nhon"
name = "Thị xã Hoài Nhơn"
unit = "UBND thị xã \\"Hoài Nhơn\\""
[site.capabilities]
camera = "vcs"
[[site.contact]]
name = "Lan"
phone = "0901"

[[site]]
id = "an-nhon"
name = "Thị xã An Nhơn"
ssid = 9

[[contact]]
role = "power"
name = "Điện lực"
phone = "19001006"
"""


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "sites.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_what_is_exported_is_imported_to_the_same(engine: Engine, tmp_path: Path) -> None:
    exchange.import_file(engine, write(tmp_path, FILE))
    first = registry.sites(engine), registry.contacts(engine)
    assert [site.name for site in first[0]] == ["Thị xã An Nhơn", "Thị xã Hoài Nhơn"]
    exchange.import_file(engine, write(tmp_path, exchange.export_text(*first)))
    assert (registry.sites(engine), registry.contacts(engine)) == first


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[site]\n", "is not TOML"),
        ('[[site]]\nid = "a"\n', r"site\[0\]: Object missing required field `name`"),
        ('[[site]]\nid = "A b"\nname = "x"\n', "is no site id"),
        ('[[site]]\nid = "a"\nname = "x"\nssid = 70000\n', "use 1 to 65535"),
        ('[[site]]\nid = "a"\nname = "x"\ncolour = "red"\n', "unknown field `colour`"),
        ('[[site]]\nid = "a"\nname = "x"\n[site.capabilities]\ncamera = "maybe"\n', "capabilities"),
        ('[[site]]\nid = "a"\nname = "x"\n[[site]]\nid = "a"\nname = "y"\n', "'a' stands there twice"),
        ('[[site]]\nid = "a"\nname = "x"\nssid = 1\n[[site]]\nid = "b"\nname = "y"\nssid = 1\n', "already that of 'a'"),
        ('[[contact]]\nname = "x"\nrole = "boss"\n', "contact"),
    ],
)
def test_a_wrong_file_is_named_and_changes_nothing(engine: Engine, tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(exchange.ExchangeError, match=rf"sites\.toml: .*{words}"):
        exchange.import_file(engine, write(tmp_path, text))
    assert registry.sites(engine) == []


def test_a_missing_file_is_named(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(exchange.ExchangeError, match="cannot be read: No such file"):
        exchange.import_file(engine, tmp_path / "none.toml")


@pytest.mark.req("R9")
def test_identities_are_made_once_each_its_own_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    made = identities.ensure(tmp_path, ["a", "b"])
    assert [path.name for path in made] == ["a.password", "b.password"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in [*made, tmp_path / "identities"])
    first = identities.passwords(tmp_path, ["a", "b"])
    assert len(set(first.values())) == 2
    assert all(len(password) >= 32 for password in first.values())
    assert identities.passwords(tmp_path, ["a", "b", "c"]) | first == identities.passwords(tmp_path, ["a", "b", "c"])
    assert identities.ensure(tmp_path, ["a"]) == []
