"""Where the parts of a YAML text stand, so that one can be changed and the others left as they are.

A :class:`Node` is a value with its place in the text. Nothing is resolved: an alias is an alias,
a merge key a key, a number its characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(slots=True, eq=False)
class Node:
    """A value and its place: ``text[start:end]``, anchor and tag included, comments around it not.

    ``style`` is the quote or block indicator of a scalar, empty where it has none. ``children``
    are a sequence's items, or a mapping's keys and values in turn. ``target`` is what an alias
    stands for.
    """

    kind: Literal["scalar", "sequence", "mapping", "alias"]
    start: int
    end: int
    flow: bool = False
    style: str = ""
    value: str = ""
    anchor: str | None = None
    children: list[Node] = field(default_factory=list)
    target: Node | None = None

    @property
    def pairs(self) -> list[tuple[Node, Node]]:
        """The keys and values of a mapping, in the order of the text."""
        return list(zip(self.children[::2], self.children[1::2], strict=True)) if self.kind == "mapping" else []

    @property
    def is_null(self) -> bool:
        return self.kind == "scalar" and not self.style and self.value in NULLS

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in the order of the text; aliases are not followed."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


@dataclass(frozen=True, slots=True)
class Source:
    """A text of one YAML document. ``root`` is None where it holds nothing but comments.

    ``close`` is where the document ends: at the marker ``...``, or at the end of the text.
    """

    text: str
    root: Node | None
    close: int

    @classmethod
    def parse(cls, text: str) -> Source:
        """Return ``text`` with the places of its parts.

        Raises:
            yaml.YAMLError: it is not YAML. Callers read the same text for its values first, which
                fails with a better message.
        """
        import yaml  # late: as in reading

        builder = _Builder(text, yaml)
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.take(event)
        return cls(text, builder.root, builder.close)

    @property
    def newline(self) -> str:
        """The line break that the text uses: that of its first line."""
        return "\r\n" if re.match(r"[^\n]*\r\n", self.text) else "\n"

    def line_start(self, place: int) -> int:
        return self.text.rfind("\n", 0, place) + 1

    def line_end(self, place: int) -> int:
        """Where the line that ``place`` is on ends, its line break included."""
        found = self.text.find("\n", place)
        return len(self.text) if found < 0 else found + 1

    def column(self, place: int) -> int:
        return place - self.line_start(place)

    def of(self, node: Node) -> str:
        return self.text[node.start : node.end]


class _Builder:
    """Makes nodes of the parser's events, without recursion: nesting may be deep."""

    def __init__(self, text: str, yaml: Any) -> None:
        self.root: Node | None = None
        self.close = len(text)
        self._yaml = yaml
        self._text = text
        self._open: list[Node] = []
        self._anchors: dict[str, Node] = {}

    def take(self, event: Any) -> None:
        """Note what the parser found next."""
        yaml = self._yaml
        if isinstance(event, yaml.DocumentEndEvent) and event.explicit:
            self.close = event.start_mark.index
        if isinstance(event, yaml.CollectionEndEvent):
            node = self._open.pop()
            # a block collection's end event stands at the next token, after comments and blank lines
            node.end = event.end_mark.index if node.flow or not node.children else node.children[-1].end
            return
        node_or_none = self._made(event)
        if node_or_none is None:
            return
        node = node_or_none
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node if not (node.is_null and node.start == node.end) else None
        if node.kind in ("sequence", "mapping"):
            self._open.append(node)
        if node.anchor and node.kind != "alias":
            self._anchors[node.anchor] = node

    def _made(self, event: Any) -> Node | None:
        yaml = self._yaml
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, yaml.AliasEvent):
            return Node("alias", start, end, anchor=event.anchor, target=self._anchors.get(event.anchor))
        if isinstance(event, yaml.ScalarEvent):
            style = event.style or ""
            if style in ("|", ">"):
                end = self._block_scalar_end(start, end)
            return Node("scalar", start, end, style=style, value=event.value, anchor=event.anchor)
        if isinstance(event, yaml.CollectionStartEvent):
            kind: Literal["sequence", "mapping"] = (
                "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
            )
            return Node(kind, start, end, flow=bool(event.flow_style), anchor=event.anchor)
        return None

    def _block_scalar_end(self, start: int, end: int) -> int:
        """The end of its last line; blank lines after it count only where ``+`` keeps them."""
        header = re.compile(r"(?:[&!]\S*\s+)*[|>]([-+0-9]*)").match(self._text, start)
        if header and "+" in header[1]:
            return end - len(re.search(r"(\r?\n)?\Z", self._text[start:end])[0])  # type: ignore[index]  # always matches
        return start + len(self._text[start:end].rstrip())
