"""Settings, from ``.gto`` in the root of the repository and from ``GTO_*`` variables.

The environment wins. Keys and variables are GTO's: ``types`` and ``stages`` (lists of allowed
names; in the environment as JSON), ``index`` (the annotation file), ``emojis``, ``debug``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from gto_ci.core.errors import GtoError, WrongConfig, WrongVariable, quote
from gto_ci.core.names import check_stage, check_type

CONFIG_FILE = ".gto"
POLICY_FILE = ".gto-policy.yaml"  # see gto_ci.files.policy_file
# GTO reads these keys from the same file, for features that gto-ci does not have
_FOREIGN = frozenset({"config_file_name", "log_level", "enrichments", "autoload_enrichments"})
_TRUE, _FALSE = frozenset({"1", "true", "t", "yes", "y", "on"}), frozenset({"0", "false", "f", "no", "n", "off"})

Wrong: TypeAlias = Callable[[str, str], WrongConfig]  # makes the error, from the reason and the next step


class Settings(NamedTuple):
    """The settings of a repository and its user. None means that any name is allowed."""

    types: tuple[str, ...] | None = None
    stages: tuple[str, ...] | None = None
    index: str = "artifacts.yaml"  # type: ignore[assignment]  # a tuple has a method of this name
    emojis: bool = True
    debug: bool = False


def load(root: Path, environ: Mapping[str, str]) -> Settings:
    """Return the settings for the repository whose working tree's top is ``root``.

    Raises:
        WrongConfig: ``.gto`` or a ``GTO_*`` variable cannot be understood.
    """
    file = root / CONFIG_FILE
    data = None
    if file.is_file():
        try:
            data = file.read_bytes()
        except OSError as error:
            raise WrongConfig(str(file), 0, str(error.strerror), "Make it readable, or remove it") from error
    return settings_in(data, str(file), environ)


def settings_in(data: bytes | None, file: str, environ: Mapping[str, str]) -> Settings:
    """Return the settings in a configuration file's content ``data``, None without a file, and in ``environ``.

    ``file`` is the file's path, for errors.

    Raises:
        WrongConfig: the content or a ``GTO_*`` variable cannot be understood.
    """
    values = {} if data is None else _read(data, file)
    for key in ("types", "stages", "index", "emojis", "debug"):
        variable = f"GTO_{key.upper()}"
        if variable in environ:
            wrong = partial(WrongVariable, variable, 0)
            values[key] = _checked(key, _from_text(key, environ[variable], wrong), wrong)
    known = {key: value for key, value in values.items() if value is not None or key in ("types", "stages")}
    return Settings(**known)  # type: ignore[arg-type]  # _checked gave each key its type


def show_emojis(environ: Mapping[str, str]) -> bool:
    """Tell whether messages that are printed before a repository is opened have emojis."""
    return environ.get("GTO_EMOJIS", "").lower() not in _FALSE


def _read(data: bytes, file: str) -> dict[str, object]:
    from gto_ci.files.yaml12 import Document, WrongYaml, line_of  # late: most repositories have no such file

    settings: dict[str, object] = {}
    try:
        document = Document(data)
        if document.root is not None and document.root.value == []:  # GTO takes an empty list for no settings
            return {}
        for key, node in document.pairs(document.root, CONFIG_FILE):
            name = key.value.lower()
            if name in _FOREIGN:
                continue
            if name not in Settings._fields:
                known = f"Known keys: {', '.join(Settings._fields)}"
                raise WrongConfig(file, line_of(key), f"unknown key {quote(key.value)}", known)
            settings[name] = _checked(name, document.construct(node), _wrong_value(file, line_of(key), name))
    except WrongYaml as error:
        raise WrongConfig(file, error.line, error.reason, "For example: stages: [dev, prod]") from error
    return settings


def _wrong_value(file: str, line: int, key: str) -> Wrong:
    return lambda reason, next_step: WrongConfig(file, line, f"{key}: {reason}", next_step)


def _from_text(key: str, text: str, wrong: Wrong) -> object:
    if key not in ("types", "stages"):
        return text
    import json  # late: most environments do not set this

    try:
        return json.loads(text)
    except ValueError as error:
        raise wrong(f"{quote(text)} is not JSON", f'For example: GTO_{key.upper()}=\'["a", "b"]\'') from error


def _checked(key: str, value: object, wrong: Wrong) -> object:
    if key in ("types", "stages"):
        return None if value is None else _names(value, check_type if key == "types" else check_stage, wrong)
    if key == "index":
        if isinstance(value, str) and value and "\n" not in value and not value.startswith("/"):
            return value
        raise wrong(f"it must be a path inside the repository, not {quote(value)}", "For example: artifacts.yaml")
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise wrong(f"it must be true or false, not {quote(value)}", "Set it to true or false")


def _names(value: object, check: Callable[[str], str], wrong: Wrong) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise wrong(f"it must be a list of names, not {quote(value)}", "For example: [dev, prod]")
    try:
        return tuple(check(name) for name in value)
    except GtoError as error:
        raise wrong(error.cause, error.next_step) from error
