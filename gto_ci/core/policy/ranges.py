"""Ranges of versions, such as ``>=1.0.0 <3.0.0 || 4.0.0``.

Comparisons side by side, with a blank or comma between them, must all hold; ``||`` separates
alternatives. A version without an operator means itself. ``v`` may lead, and build metadata does not
count.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from gto_ci.core.errors import InvalidVersion, quote
from gto_ci.core.versions import SEMVER, precedence

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
_comparison_re = re.compile(rf"(?P<operator><=|>=|!=|<|>|=|)v?(?P<version>{SEMVER})")
_RULE = "Write it as in '>=1.0.0 <3.0.0 || 4.0.0', with whole versions; operators: < <= > >= = !="


class Comparison(NamedTuple):
    """One of a range's comparisons; ``version`` has its ``v``."""

    operator: str
    version: str

    def holds(self, version: str) -> bool:
        """Tell whether ``version`` compares so, by the precedence of SemVer 2.0."""
        return _OPERATORS[self.operator](precedence(version), precedence(self.version))


@dataclass(frozen=True, slots=True)
class Range:
    """A range; ``text`` is how it was written, ``alternatives`` hold comparisons that must all hold."""

    text: str
    alternatives: tuple[tuple[Comparison, ...], ...]

    def holds(self, version: str) -> bool:
        """Tell whether ``version``, with its ``v``, is in the range.

        By precedence alone: ``<2.0.0`` holds for ``v2.0.0-rc.1``, which comes before ``v2.0.0``.
        """
        return any(all(one.holds(version) for one in alternative) for alternative in self.alternatives)


def read_range(text: str) -> Range:
    """Return the range that ``text`` writes.

    Raises:
        InvalidVersion: it is not of this form; names the part that is wrong.
    """
    joined = re.sub(r"([<>=]) +", r"\1", text)
    return Range(text, tuple(_comparisons(part.strip(" ")) for part in joined.split("||")))


def _comparisons(text: str) -> tuple[Comparison, ...]:
    return tuple(_comparison(word) for word in re.split(r" *, *| +", text))


def _comparison(word: str) -> Comparison:
    match = _comparison_re.fullmatch(word)
    if match is None:
        what = quote(word) if word else "an empty part"
        raise InvalidVersion(f"Not a comparison with a version: {what}", _RULE)
    return Comparison(match["operator"] or "=", f"v{match['version']}")
