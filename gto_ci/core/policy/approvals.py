"""The names of approval tags.

An annotated tag ``NAME#STAGE+ANYTHING`` on a commit approves the assignment of artifact NAME to STAGE at that
commit. ``+`` is outside the grammar of stages, so no program reads the tag as an event. Registrations cannot be
approved this way, because in ``NAME@VERSION+ANYTHING`` the last part is build metadata.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from gto_ci.core.errors import InvalidName
from gto_ci.core.names import check_artifact, check_stage

_approval_re = re.compile(r"(?P<artifact>[^#+@:]+)#(?P<stage>[^#+]+)\+.+")


def approval_of(tag_name: str) -> tuple[str, str] | None:
    """Return the (artifact, stage) that a tag of this name approves, or None if it is not an approval tag."""
    match = _approval_re.fullmatch(tag_name)
    if match is None:
        return None
    try:
        return check_artifact(match["artifact"].replace("=", ":")), check_stage(match["stage"])
    except InvalidName:
        return None


def approval_name(artifact: str, stage: str, word: str, taken: Collection[str] = ()) -> str:
    """Return the name of an approval tag that ends in ``+word``, plus a number if that name is ``taken``."""
    name = f"{artifact.replace(':', '=')}#{stage}+{word}"
    numbered = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(candidate for candidate in numbered if candidate not in taken)
