"""Version ranges, such as ``>=1.0.0 <3.0.0 || 4.0.0``.

Comparisons separated by a space or a comma must all hold. ``||`` separates alternatives. A version without an
operator matches only itself. A leading ``v`` is optional, and build metadata does not count.
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
_RULE = "Write a range like '>=1.0.0 <3.0.0 || 4.0.0', with complete versions; operators: < <= > >= = !="


class Comparison(NamedTuple):
    """One comparison of a range. ``version`` includes the ``v``."""

    operator: str
    version: str

    def holds(self, version: str) -> bool:
        """Return whether the comparison holds for ``version``, by SemVer 2.0 precedence."""
        return _OPERATORS[self.operator](precedence(version), precedence(self.version))


@dataclass(frozen=True, slots=True)
class Range:
    """A version range. ``text`` is the source text. In one of the ``alternatives``, all comparisons must hold."""

    text: str
    alternatives: tuple[tuple[Comparison, ...], ...]

    def holds(self, version: str) -> bool:
        """Return whether ``version``, with its ``v``, is in the range.

        Only precedence counts: ``<2.0.0`` holds for ``v2.0.0-rc.1``, which precedes ``v2.0.0``.
        """
        return any(all(comparison.holds(version) for comparison in terms) for terms in self.alternatives)


def read_range(text: str) -> Range:
    """Return the range that ``text`` describes.

    Raises:
        InvalidVersion: ``text`` is not a range; the error names the wrong part.
    """
    joined = re.sub(r"([<>=]) +", r"\1", text)
    return Range(text, tuple(_comparisons(part.strip(" ")) for part in joined.split("||")))


def _comparisons(text: str) -> tuple[Comparison, ...]:
    return tuple(_comparison(word) for word in re.split(r" *, *| +", text))


def _comparison(word: str) -> Comparison:
    match = _comparison_re.fullmatch(word)
    if match is None:
        part = quote(word) if word else "an empty part"
        raise InvalidVersion(f"Not a comparison with a version: {part}", _RULE)
    return Comparison(match["operator"] or "=", f"v{match['version']}")
