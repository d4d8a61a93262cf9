"""The site's file: one bad file per message, and a sample that is right by itself."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

from contract.meetings import Phase
from contract.messages import Limits
from contract.toml_file import ConfigError
from edge_agent import sample
from edge_agent.config import decode, load, merge_limits, secret
from probes.registry import PROBES

BAD = sorted((Path(__file__).parents[1] / "testdata" / "config" / "edge-agent").glob("*.toml"))
LEAST = {"site": {"id": "hoai-nhon", "name": "Hoài Nhơn"}}


@pytest.mark.parametrize("path", BAD, ids=[path.stem for path in BAD])
def test_a_bad_file_is_refused_with_file_key_and_reason(path: Path) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(path)
    assert str(refusal.value) == f"{path}: {path.with_suffix('.txt').read_text(encoding='utf-8').strip()}"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read: No such file or directory"):
        load(tmp_path / "nowhere.toml")


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'[site]\nname = "\xe0"\n')
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load(path)


def test_the_sample_passes_its_own_check(tmp_path: Path) -> None:
    path = tmp_path / "sample.toml"
    path.write_text(sample.text(), encoding="utf-8")
    configuration = load(path)
    assert configuration.undeclared == ()
    assert configuration.center is not None


def test_the_sample_says_the_defaults_and_names_every_key() -> None:
    shown = sample.text()
    document = tomllib.loads(shown)
    for name, entry in PROBES.items():
        assert msgspec.convert(document[name], type=entry.settings) == entry.settings()
        for key in entry.limits.__struct_fields__:
            assert f"#{key} = " in shown or f"{key} = " in shown


def test_the_sample_fits_the_schema() -> None:
    schema = json.loads(sample.schema())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    validator.validate(tomllib.loads(sample.text()))
    assert list(validator.iter_errors({**LEAST, "camera": {"sorce": "x"}}))


@pytest.mark.req("R46")
def test_a_device_without_a_table_is_not_fitted() -> None:
    configuration = decode(dict(LEAST), Path("site.toml"))
    assert not configuration.fitted("camera")
    assert not configuration.fitted("microphone")
    assert configuration.fitted("host")
    assert "camera" in configuration.undeclared


def test_periods_of_the_file_stand_over_the_defaults() -> None:
    configuration = decode({**LEAST, "rounds": {"live": {"camera_s": 1}}}, Path("site.toml"))
    assert configuration.periods[Phase.LIVE]["camera"] == 1.0
    assert configuration.periods[Phase.IDLE]["camera"] > 60


def test_limits_of_the_center_stand_over_the_files_key_by_key() -> None:
    document = {**LEAST, "limits": {"camera": {"moved_shift_percent": 3.0, "moved_rotation_deg": 2.0}}}
    merged = merge_limits(
        decode(document, Path("site.toml")), Limits(version="7", limits={"camera": {"moved_shift_percent": 4.0}, "newer": {}})
    )
    assert getattr(merged["camera"], "moved_shift_percent") == 4.0  # noqa: B009
    assert getattr(merged["camera"], "moved_rotation_deg") == 2.0  # noqa: B009


def test_limits_of_the_center_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"limits 8 from the center: camera\.blak: unknown key"):
        merge_limits(decode(dict(LEAST), Path("site.toml")), Limits(version="8", limits={"camera": {"blak": 1}}))


@pytest.mark.req("R9")
def test_a_secret_is_the_first_line_and_never_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("bí-mật\nsecond line\n", encoding="utf-8")
    assert secret(str(path)) == "bí-mật"
    path.write_text("\nbí-mật\n", encoding="utf-8")
    with pytest.raises(ConfigError) as refusal:
        secret(str(path))
    assert "bí-mật" not in str(refusal.value)
