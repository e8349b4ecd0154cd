"""The registry for scripts. Keyword names are those of ``gto.api``.

``repo`` is a path to a folder in a repository, a URL, or an open :class:`gto_ci.git.Repository`.
Functions return values and raise :class:`gto_ci.errors.GtoError`; they print nothing, unless asked
to with ``stdout``.

>>> from gto_ci import api
>>> api.parse_tag("models/nlp=churn#prod#3")
{'name': 'models/nlp:churn', 'stage': 'prod', 'action': 'assign', 'counter': 3}

:mod:`tag_meaning`, :mod:`queries` and :mod:`gates` answer questions, :mod:`tag_writes` makes and deletes tags,
:mod:`artifacts_yaml` edits annotations, :mod:`init` sets a repository up, and :mod:`doctor` finds what is wrong.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gto_ci.api.artifacts_yaml import annotate, remove
    from gto_ci.api.gates import check_gate
    from gto_ci.api.queries import describe, find_latest_version, find_versions_in_stage, get_stages, history, show
    from gto_ci.api.tag_meaning import check_ref, parse_tag
    from gto_ci.api.tag_writes import assign, deprecate, deregister, register, unassign

# A command pays for the functions that it uses: each module is imported when one is first asked for.
_HOMES = {
    "annotate": "artifacts_yaml",
    "remove": "artifacts_yaml",
    "check_gate": "gates",
    "check_ref": "tag_meaning",
    "describe": "queries",
    "find_latest_version": "queries",
    "find_versions_in_stage": "queries",
    "get_stages": "queries",
    "history": "queries",
    "parse_tag": "tag_meaning",
    "show": "queries",
    "assign": "tag_writes",
    "deprecate": "tag_writes",
    "deregister": "tag_writes",
    "register": "tag_writes",
    "unassign": "tag_writes",
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
