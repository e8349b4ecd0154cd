"""The names of the action's outputs, and a form of their values that every reader parses alike."""

from __future__ import annotations

from collections.abc import Mapping

# in the order of action.yml (a test compares them)
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
# GitHub accepts 1 MB of outputs per job. This limit leaves some for other steps.
LIMIT = 900_000


def fit(values: Mapping[str, str], limit: int = LIMIT) -> tuple[dict[str, str], list[str]]:
    """Return all outputs, within ``limit`` bytes in total, and the names of those left out.

    An output that is not in ``values`` is empty. Each value is passed through :func:`clean`. While the values
    are too large in total, the largest is emptied.
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
    """Return ``value`` in the form that every reader of the outputs file parses alike.

    Line ends are line feeds, none at the beginning or the end. NUL and broken Unicode are replaced.
    """
    unix = value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").strip("\n")
    return unix.encode(errors="replace").decode()
