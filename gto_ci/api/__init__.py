"""The registry for scripts. Functions and keywords have the names of ``gto.api``.

``repo`` is a path to a folder in a repository, a URL, or an open :class:`gto_ci.git.Repository`.
Functions return values, and raise :class:`gto_ci.core.errors.GtoError`. They print only if ``stdout``
is set.

>>> from gto_ci import api
>>> api.parse_tag("models/nlp=churn#prod#3")
{'name': 'models/nlp:churn', 'stage': 'prod', 'action': 'assign', 'counter': 3}

:mod:`tag_meaning`, :mod:`queries` and :mod:`gates` read the registry. :mod:`tag_writes` creates and deletes tags,
:mod:`artifacts_yaml` edits annotations, :mod:`init` sets up a repository, and :mod:`doctor` finds problems.
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

# A module is imported when one of its functions is first used, so that a command imports only what it needs.
_MODULES = {
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
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"gto_ci.api.{_MODULES[name]}"), name)
