"""The site's certificate: what `config check` says of it, and when the agent says that it ends soon."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract import certificates
from contract.catalog import sentence
from contract.certificates import Certificate, Papers
from contract.findings import Severity
from edge_agent import cli, identity
from edge_agent.config import Configuration, load
from edge_agent.identity import CertificateWatch

if TYPE_CHECKING:
    from tests.conftest import Authority, MakeAuthority, Pair

NOW = datetime.now(UTC)
DAY_S = 86400.0
Install = Callable[["Pair"], Path]


@pytest.fixture
def authority(make_authority: MakeAuthority, tmp_path: Path) -> Authority:
    return make_authority(tmp_path / "authority")


@pytest.fixture
def install(tmp_path: Path, authority: Authority) -> Install:
    """Puts a certificate where the site's file says; the site's file."""

    def put(pair: Pair) -> Path:
        for path, name in ((pair.cert, "site.crt"), (pair.key, "site.key")):
            (tmp_path / "new").write_bytes(path.read_bytes())
            (tmp_path / "new").replace(tmp_path / name)
        file = tmp_path / "site.toml"
        file.write_text(
            f'[site]\nid = "an-nhon"\nname = "Thị xã An Nhơn"\n[center]\nhost = "127.0.0.1"\n'
            f'ca = "{authority.ca}"\ncert = "{tmp_path / "site.crt"}"\nkey = "{tmp_path / "site.key"}"\n',
            encoding="utf-8",
        )
        return file

    return put


@pytest.mark.req("R9")
def test_a_certificate_that_is_this_sites_passes_without_a_word(
    install: Install, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["config", "check", "--config", str(install(authority.issue("an-nhon")))]) == 0
    said = capsys.readouterr()
    assert "Cảnh báo" not in said.out
    assert said.err == ""


def test_one_that_ends_soon_passes_with_a_warning(install: Install, authority: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config", "check", "--config", str(install(authority.issue("an-nhon", ends_days=12.5)))]) == 0
    assert "Cảnh báo: Chứng thư số của điểm cầu còn 12 ngày" in capsys.readouterr().out


@pytest.mark.req("R9")
@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("hoai-nhon", {}, "is the certificate of 'hoai-nhon', but site.id is 'an-nhon'"),
        ("an-nhon", {"begins_days": -9, "ends_days": -1}, "has expired on"),
        ("an-nhon", {"begins_days": 1}, "set the clock"),
        ("an-nhon", {"server": True}, "purpose"),
    ],
)
def test_one_that_the_broker_would_refuse_ends_with_2_and_one_sentence(
    install: Install, authority: Authority, capsys: pytest.CaptureFixture[str], name: str, options: dict[str, float], words: str
) -> None:
    file = install(authority.issue(name, **options))  # type: ignore[arg-type]
    assert cli.main(["config", "check", "--config", str(file)]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.startswith(f"edge-agent: {file}: center")
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_anothers_key_and_a_strangers_authority_are_told(
    install: Install, authority: Authority, make_authority: MakeAuthority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = install(authority.issue("an-nhon"))
    (tmp_path / "site.key").write_bytes(authority.issue("hoai-nhon").key.read_bytes())
    assert cli.main(["config", "check", "--config", str(file)]) == 2
    install(make_authority(tmp_path / "stranger", "another").issue("an-nhon"))
    assert cli.main(["config", "check", "--config", str(file)]) == 2
    assert "was not signed by" in capsys.readouterr().err


def test_a_certificate_without_an_authority_is_told(install: Install, authority: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    file = install(authority.issue("an-nhon"))
    file.write_text("\n".join(line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("ca ")), "utf-8")
    assert cli.main(["config", "check", "--config", str(file)]) == 2
    assert "center.ca: missing" in capsys.readouterr().err


def watch(file: Path) -> tuple[CertificateWatch, Configuration]:
    configuration = load(file)
    return CertificateWatch(configuration), configuration


@pytest.mark.parametrize(
    ("days", "severity", "told"),
    [
        (31.0, None, ""),
        (29.5, Severity.WARNING, "còn 29 ngày"),
        (7.5, Severity.WARNING, "còn 7 ngày"),
        (6.5, Severity.CRITICAL, "còn 6 ngày"),
        (-2.0, Severity.CRITICAL, "còn 0 ngày"),
    ],
)
def test_it_is_told_a_month_before_and_more_severely_a_week_before(
    install: Install, authority: Authority, days: float, severity: Severity | None, told: str
) -> None:
    found = watch(install(authority.issue("an-nhon", begins_days=-50, ends_days=days)))[0].look(NOW, 0.0)
    assert (found.severity if found else None) == severity
    if found is not None:
        ends = NOW + timedelta(days=days)
        assert told in sentence(found)
        assert f"{ends:%d/%m/%Y}" in sentence(found)


def test_a_clock_that_jumps_and_comes_back_leaves_nothing(install: Install, authority: Authority) -> None:
    looker, _ = watch(install(authority.issue("an-nhon")))
    assert looker.look(NOW, 0.0) is None
    assert looker.look(NOW + timedelta(days=9000), 1.0) is not None
    assert looker.look(NOW - timedelta(days=9000), 2.0) is None
    assert looker.look(NOW, 3.0) is None


def test_it_is_read_at_the_start_once_a_day_and_when_it_was_replaced(
    install: Install, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Papers] = []

    def counted(files: Papers) -> Certificate:
        reads.append(files)
        return read(files)

    read = certificates.read
    monkeypatch.setattr(certificates, "read", counted)
    looker, _ = watch(install(authority.issue("an-nhon", ends_days=5)))
    for second in (0.0, 15.0, DAY_S - 1):
        assert looker.look(NOW, second) is not None
    assert len(reads) == 1
    looker.look(NOW, DAY_S)
    assert len(reads) == 2
    install(authority.issue("an-nhon"))
    assert looker.look(NOW, DAY_S + 15) is None
    assert len(reads) == 3


def test_a_renewal_half_done_keeps_the_word_of_before_and_is_read_again(
    install: Install, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    looker, _ = watch(install(authority.issue("an-nhon", ends_days=5)))
    assert looker.look(NOW, 0.0) is not None
    new = authority.issue("an-nhon")
    (tmp_path / "site.crt").write_bytes(new.cert.read_bytes())
    assert looker.look(NOW, 15.0) is not None
    assert "is not the key of" in caplog.text
    (tmp_path / "site.key").write_bytes(new.key.read_bytes())
    assert looker.look(NOW, 75.0) is None
    assert looker.judges


def test_without_a_certificate_nothing_is_judged_or_missed(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[site]\nid = "an-nhon"\nname = "x"\n', encoding="utf-8")
    looker, configuration = watch(file)
    assert looker.look(NOW, 0.0) is None
    assert looker.judges
    assert identity.check(configuration, NOW) == ""
