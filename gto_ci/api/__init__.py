"""Job: the registry for scripts. Keyword names are those of ``gto.api``.

``repo`` is a path to a folder in a repository, a URL, or an open :class:`gto_ci.git.Repository`.
Functions return values and raise :class:`gto_ci.errors.GtoError`; they print nothing, unless asked
to with ``stdout``.

>>> from gto_ci import api
>>> api.parse_tag("models/nlp=churn#prod#3")
{'name': 'models/nlp:churn', 'stage': 'prod', 'action': 'assign', 'counter': 3}

:mod:`reading` asks, :mod:`writing` makes and deletes tags, :mod:`annotating` keeps
``artifacts.yaml``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gto_ci.api.reading import (
        check_ref,
        find_latest_version,
        find_versions_in_stage,
        get_stages,
        history,
        parse_tag,
        show,
    )

# A command pays for the functions that it uses: each module is imported when one is first asked for.
_HOMES = {
    "reading": (
        "check_ref",
        "find_latest_version",
        "find_versions_in_stage",
        "get_stages",
        "history",
        "parse_tag",
        "show",
    ),
}
__all__ = [
    "check_ref",
    "find_latest_version",
    "find_versions_in_stage",
    "get_stages",
    "history",
    "parse_tag",
    "show",
]


def __getattr__(name: str) -> Any:
    for module, functions in _HOMES.items():
        if name in functions:
            return getattr(import_module(f"gto_ci.api.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
