"""Settings: the file, the environment above it, and errors that name their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from gto_ci.errors import WrongConfig
from gto_ci.files.config import Settings, load


def test_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, {}) == Settings(None, None, "artifacts.yaml", True, False)


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]\n"])
def test_an_empty_file_is_no_settings(tmp_path: Path, text: str) -> None:
    (tmp_path / ".gto").write_text(text)
    assert load(tmp_path, {}) == Settings()


def test_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".gto").write_text(
        "types: [model]\nstages: [dev, eu/prod]\nINDEX: x.yaml\nemojis: false\nlog_level: DEBUG\n"
    )
    assert load(tmp_path, {}) == Settings(("model",), ("dev", "eu/prod"), "x.yaml", False)
    environ = {"GTO_STAGES": '["qa"]', "GTO_EMOJIS": "true", "GTO_DEBUG": "1"}
    assert load(tmp_path, environ) == Settings(("model",), ("qa",), "x.yaml", True, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stages: dev", "line 1: stages: it must be a list of names"),
        ("emojis: true\ntypes: ['a b']", "line 2: types: Invalid type 'a b'"),
        ("stages: [1]", "list of names"),
        ("stages: ['a b']", "Invalid stage 'a b'"),
        ("stages: [dev\nx: 1", "line 2"),
        ("just text", "keys and values"),
        ("stagse: [dev]", "unknown key 'stagse'"),
        ("emojis: perhaps", "true or false"),
        ("index: /etc/passwd", "path inside the repository"),
        ("index: [a]", "path inside the repository"),
    ],
)
def test_a_wrong_file(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / ".gto").write_text(text)
    with pytest.raises(WrongConfig) as raised:
        load(tmp_path, {})
    assert str(raised.value).startswith(f"Wrong config file '{tmp_path / '.gto'}'")
    assert says in str(raised.value)
    assert raised.value.next_step


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / ".gto").write_bytes(b"\xff\x00")
    with pytest.raises(WrongConfig, match="not YAML"):
        load(tmp_path, {})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GTO_STAGES", "dev,prod"),
        ("GTO_STAGES", '"dev"'),
        ("GTO_TYPES", "[1]"),
        ("GTO_EMOJIS", "bad"),
        ("GTO_INDEX", ""),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(WrongConfig, match=f"environment variable '{variable}'"):
        load(tmp_path, {variable: value})
