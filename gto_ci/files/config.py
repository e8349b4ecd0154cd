"""Settings, from ``.gto`` in the root of the repository and from ``GTO_*`` variables.

The environment wins. Keys and variables are GTO's: ``types`` and ``stages`` (lists of allowed
names; in the environment as JSON), ``index`` (the annotation file), ``emojis``, ``debug``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from gto_ci.core.errors import GtoError, WrongConfig, quote
from gto_ci.core.names import check_stage

CONFIG_FILE = ".gto"
POLICY_FILE = ".gto-policy.yaml"  # see gto_ci.files.policy_file
# GTO reads these from the same file; they steer parts of it that have no counterpart here
_FOREIGN = frozenset({"config_file_name", "log_level", "enrichments", "autoload_enrichments"})
_TRUE, _FALSE = frozenset({"1", "true", "t", "yes", "y", "on"}), frozenset({"0", "false", "f", "no", "n", "off"})


class Settings(NamedTuple):
    """What a repository and its user have set. None stands for "anything is allowed"."""

    types: tuple[str, ...] | None = None
    stages: tuple[str, ...] | None = None
    index: str = "artifacts.yaml"  # type: ignore[assignment]  # a tuple has a method of this name
    emojis: bool = True
    debug: bool = False


def load(root: Path, environ: Mapping[str, str]) -> Settings:
    """Return the settings for the repository whose work tree's top is ``root``.

    Raises:
        WrongConfig: ``.gto`` or a ``GTO_*`` variable cannot be understood; names it and the reason.
    """
    file = root / CONFIG_FILE
    data = None
    if file.is_file():
        try:
            data = file.read_bytes()
        except OSError as error:
            problem = f"Wrong config file {quote(file)}: {error.strerror}"
            raise WrongConfig(problem, "Make it readable, or remove it") from error
    return settings_in(data, str(file), environ)


def settings_in(data: bytes | None, file: str, environ: Mapping[str, str]) -> Settings:
    """Return the settings in the content of a configuration file, None for none, and in ``environ``.

    ``file`` is what errors call it.

    Raises:
        WrongConfig: the content or a ``GTO_*`` variable cannot be understood; names it and the reason.
    """
    values: dict[str, object] = {}
    for key, value in (_read(data, file) if data is not None else {}).items():
        values[key] = _checked(key, value, f"Wrong config file {quote(file)}: {key}")
    for key in ("types", "stages", "index", "emojis", "debug"):
        variable = f"GTO_{key.upper()}"
        if variable in environ:
            source = f"Wrong environment variable {variable}"
            values[key] = _checked(key, _from_text(key, environ[variable], source), source)
    known = {key: value for key, value in values.items() if value is not None or key in ("types", "stages")}
    return Settings(**known)  # type: ignore[arg-type]  # _checked gave each key its type


def show_emojis(environ: Mapping[str, str]) -> bool:
    """Return whether messages carry emojis, for those printed before any repository is opened."""
    return environ.get("GTO_EMOJIS", "").lower() not in _FALSE


def _read(data: bytes, file: str) -> dict[str, object]:
    import yaml  # late: most repositories have no such file

    from gto_ci.files.yaml12 import loader

    problem = f"Wrong config file {quote(file)}"
    try:
        loaded = yaml.load(data, Loader=loader())  # noqa: S506  # it is a safe one
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise WrongConfig(f"{problem}: {line}{error.problem or 'not YAML'}", "Correct the YAML") from error
    except (yaml.YAMLError, UnicodeError, ValueError, RecursionError) as error:
        raise WrongConfig(f"{problem}: it is not YAML", "Correct it, or remove it") from error
    if loaded is None or loaded == []:
        return {}
    if not isinstance(loaded, dict):
        raise WrongConfig(f"{problem}: it must hold keys and values", "For example: stages: [dev, prod]")
    settings: dict[str, object] = {}
    for key, value in loaded.items():
        name = str(key).lower()
        if name in _FOREIGN:
            continue
        if name not in Settings._fields:
            known = ", ".join(Settings._fields)
            raise WrongConfig(f"{problem}: unknown key {quote(key)}", f"Known keys: {known}")
        settings[name] = value
    return settings


def _from_text(key: str, text: str, source: str) -> object:
    if key not in ("types", "stages"):
        return text
    import json  # late: hardly anybody sets this

    try:
        return json.loads(text)
    except ValueError as error:
        raise WrongConfig(
            f"{source}: {quote(text)} is not JSON", f'For example: GTO_{key.upper()}=\'["a", "b"]\''
        ) from error


def _checked(key: str, value: object, source: str) -> object:
    if key in ("types", "stages"):
        return None if value is None else _names(value, source)
    if key == "index":
        if isinstance(value, str) and value and "\n" not in value and not value.startswith("/"):
            return value
        raise WrongConfig(
            f"{source}: it must be a path inside the repository, not {quote(value)}", "For example: artifacts.yaml"
        )
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise WrongConfig(f"{source}: it must be true or false, not {quote(value)}", "Set it to true or false")


def _names(value: object, source: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise WrongConfig(f"{source}: it must be a list of names, not {quote(value)}", "For example: [dev, prod]")
    try:
        return tuple(check_stage(name) for name in value)
    except GtoError as error:
        raise WrongConfig(f"{source}: {error.cause}", error.next_step) from error
