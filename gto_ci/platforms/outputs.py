"""The names of the action's outputs, and values that every reader of them reads alike."""

from __future__ import annotations

from collections.abc import Mapping

# in the order of action.yml, which a test holds equal
NAMES = (
    "event",
    "name",
    "version",
    "stage",
    "type",
    "path",
    "description",
    "labels",
    "custom",
    "tag",
    "commit",
    "author",
    "author-email",
    "message",
    "created-at",
    "previous-version",
    "previous-commit",
    "deleted",
    "is-latest",
    "is-current",
    "json",
    "registry",
    "gate",
    "gate-reasons",
    "ghost-applied",
    "ghost-base",
    "ghost-diff",
    "ghost-tree",
    "ghost-files",
    "comment-url",
)
# GitHub takes 1 MB of outputs from a job; the rest is left to other steps
LIMIT = 900_000


def fit(values: Mapping[str, str], limit: int = LIMIT) -> tuple[dict[str, str], list[str]]:
    """Return all outputs (those not in ``values`` empty) within ``limit`` bytes, and what was left out for it.

    Values are made such that every reader of the file agrees on them: line ends are line feeds,
    none stands at the beginning or the end, and there is no NUL and no broken Unicode. Where they
    are too large together, the largest is emptied, until they fit.
    """
    fitted = {name: clean(values.get(name, "")) for name in NAMES}
    left_out: list[str] = []
    sizes = {name: len(value.encode()) for name, value in fitted.items()}
    while sum(sizes.values()) > limit:
        largest = max(sizes, key=lambda name: sizes[name])
        fitted[largest], sizes[largest] = "", 0
        left_out.append(largest)
    return fitted, left_out


def clean(value: str) -> str:
    """Return ``value`` in the form that every reader of the outputs file reads alike."""
    unix = value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").strip("\n")
    return unix.encode(errors="replace").decode()
