from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from contract.toml_file import ConfigError
from control_center import config

WRONG = Path(__file__).parents[1] / "testdata" / "center_config"


@pytest.mark.parametrize("file", sorted(WRONG.glob("*.toml")), ids=lambda file: file.stem)
def test_each_wrong_file_is_refused_with_file_key_and_reason(file: Path) -> None:
    expected = file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
    with pytest.raises(ConfigError) as refused:
        config.load(file)
    assert str(refused.value) == f"{file}: {expected}"


def test_there_are_wrong_files() -> None:
    assert len(list(WRONG.glob("*.toml"))) >= 10


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file or directory"):
        config.load(tmp_path / "none.toml")


def test_the_sample_holds_every_key_with_its_default() -> None:
    document = tomllib.loads(config.SAMPLE)
    path = Path("sample")
    assert config.decode(document, path) == config.Configuration(path=path)
    for name, table in document.items():
        assert set(table) == set(getattr(config.Configuration(path=path), name).__struct_fields__)
