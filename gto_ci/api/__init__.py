"""Job: the registry for scripts. Keyword names are those of ``gto.api``.

``repo`` is a path to a folder in a repository, a URL, or an open :class:`gto_ci.git.Repository`.
Functions return values and raise :class:`gto_ci.errors.GtoError`; they print nothing, unless asked
to with ``stdout``.

>>> from gto_ci import api
>>> api.parse_tag("models/nlp=churn#prod#3")
{'name': 'models/nlp:churn', 'stage': 'prod', 'action': 'assign', 'counter': 3}

:mod:`checking`, :mod:`reading` and :mod:`gating` ask, :mod:`writing` makes and deletes tags, :mod:`annotating` keeps
``artifacts.yaml``, :mod:`starting` sets a repository up, and :mod:`examining` says what is wrong with one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gto_ci.api.annotating import annotate, remove
    from gto_ci.api.checking import check_ref, parse_tag
    from gto_ci.api.gating import check_gate
    from gto_ci.api.reading import (
        describe,
        find_latest_version,
        find_versions_in_stage,
        get_stages,
        history,
        show,
    )
    from gto_ci.api.writing import assign, deprecate, deregister, register, unassign

# A command pays for the functions that it uses: each module is imported when one is first asked for.
_HOMES = {
    "annotate": "annotating",
    "remove": "annotating",
    "check_gate": "gating",
    "check_ref": "checking",
    "describe": "reading",
    "find_latest_version": "reading",
    "find_versions_in_stage": "reading",
    "get_stages": "reading",
    "history": "reading",
    "parse_tag": "checking",
    "show": "reading",
    "assign": "writing",
    "deprecate": "writing",
    "deregister": "writing",
    "register": "writing",
    "unassign": "writing",
}
__all__ = [
    "annotate",
    "assign",
    "check_gate",
    "check_ref",
    "deprecate",
    "deregister",
    "describe",
    "find_latest_version",
    "find_versions_in_stage",
    "get_stages",
    "history",
    "parse_tag",
    "register",
    "remove",
    "show",
    "unassign",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"gto_ci.api.{_HOMES[name]}"), name)
