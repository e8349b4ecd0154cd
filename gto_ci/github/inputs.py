"""Room, github: the inputs of ``action.yml``, as one value.

The runner passes the input ``some-name`` as the variable ``INPUT_SOME-NAME``. The rules here are
those of ``actions_toolkit.core.get_input`` and ``get_boolean_input`` (a test holds them equal);
that module itself reads the global environment and imports an HTTP client, which every run would
pay for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gto_ci.errors import WrongInput, quote

_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the workflow asked for. Defaults are those of ``action.yml``."""

    ref: str = ""
    path: str = "."
    fetch_tags: bool = True
    token: str = field(default="", repr=False)
    show: bool = True
    history: bool = True
    print_outputs: bool = True
    summary: bool = True

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Inputs:
        """Return the inputs in ``environ``; an empty one counts as not given.

        Raises:
            WrongInput: a value cannot be understood; the error names the input.
        """
        return cls(
            ref=get_input(environ, "ref"),
            path=get_input(environ, "path") or ".",
            fetch_tags=get_boolean(environ, "fetch-tags", default=True),
            token=get_input(environ, "token"),
            show=get_boolean(environ, "show", default=True),
            history=get_boolean(environ, "history", default=True),
            print_outputs=get_boolean(environ, "print-outputs", default=True),
            summary=get_boolean(environ, "summary", default=True),
        )


def get_input(environ: Mapping[str, str], name: str) -> str:
    """Return an input without surrounding white space, empty where it is not given."""
    return environ.get(f"INPUT_{name.replace(' ', '_').upper()}", "").strip()


def get_boolean(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Return an input that is ``true`` or ``false`` as YAML 1.2's core schema spells them.

    Raises:
        WrongInput: it is something else.
    """
    text = get_input(environ, name)
    if not text:
        return default
    if text not in _BOOLEANS:
        raise WrongInput(
            f"Input '{name}' must be true or false, not {quote(text)}", f"Write '{name}: true' or '{name}: false'"
        )
    return _BOOLEANS[text]
