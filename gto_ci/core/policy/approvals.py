"""Tags that approve.

Whoever pushes an annotated tag ``NAME#STAGE+ANYTHING`` on a commit approves of the artifact NAME being
assigned to STAGE there. ``+`` is outside the grammar of stages, so no program reads such a tag as an
event. For a registration there is none: what follows ``NAME@VERSION+`` is build metadata.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from gto_ci.core.errors import InvalidName
from gto_ci.core.names import check_artifact, check_stage

_approval_re = re.compile(r"(?P<artifact>[^#+@:]+)#(?P<stage>[^#+]+)\+.+")


def approval_of(tag_name: str) -> tuple[str, str] | None:
    """Return (artifact, stage) that a tag of this name approves of, or None for all other tags."""
    match = _approval_re.fullmatch(tag_name)
    if match is None:
        return None
    try:
        return check_artifact(match["artifact"].replace("=", ":")), check_stage(match["stage"])
    except InvalidName:
        return None


def approval_name(artifact: str, stage: str, word: str, taken: Collection[str] = ()) -> str:
    """Return the name of a tag that approves, ending in ``+word``, with a number where that is ``taken``."""
    name = f"{artifact.replace(':', '=')}#{stage}+{word}"
    names = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(one for one in names if one not in taken)
