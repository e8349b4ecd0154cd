"""The parts of a YAML text with their places, so that one part can be changed and the others left as they are.

A :class:`Node` is a value with its place in the text. Nothing is resolved: an alias stays an alias, a merge key a key,
and a number its characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(slots=True, eq=False)
class Node:
    """A value and its place ``text[start:end]``, with its anchor and tag, without the comments around it.

    ``style`` is the quote or block indicator of a scalar, empty if it has none. ``children`` are a sequence's items,
    or a mapping's keys and values in turn. ``target`` is the node that an alias refers to.
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
        """Yield this node and all below it, in the order of the text; aliases are not followed."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


@dataclass(frozen=True, slots=True)
class Source:
    """A text of one YAML document. ``root`` is None if it holds nothing but comments.

    ``close`` is the end of the document: the place of the marker ``...``, or the end of the text.
    """

    text: str
    root: Node | None
    close: int

    @classmethod
    def parse(cls, text: str) -> Source:
        """Return ``text`` with the places of its parts.

        Raises:
            yaml.YAMLError: it is not YAML. Callers first read the same text for its values, and that error has a
                better message.
        """
        import yaml  # late: a tag can be understood without it

        root, close = None, len(text)
        parents: list[Node] = []  # no recursion: nesting may be deep
        anchors: dict[str, Node] = {}
        events: Iterator[Any] = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        for event in events:
            start, end = event.start_mark.index, event.end_mark.index
            if isinstance(event, yaml.DocumentEndEvent) and event.explicit:
                close = start
            elif isinstance(event, yaml.CollectionEndEvent):
                node = parents.pop()
                # a block collection's end event stands at the next token, after comments and blank lines
                node.end = end if node.flow or not node.children else node.children[-1].end
            elif isinstance(event, yaml.NodeEvent):
                node = _node(event, text, anchors)
                if parents:
                    parents[-1].children.append(node)
                elif not (node.is_null and node.start == node.end):
                    root = node
                if node.kind in ("sequence", "mapping"):
                    parents.append(node)
        return cls(text, root, close)

    @property
    def newline(self) -> str:
        """The line break of the text's first line."""
        return "\r\n" if re.match(r"[^\n]*\r\n", self.text) else "\n"

    def line_start(self, place: int) -> int:
        return self.text.rfind("\n", 0, place) + 1

    def line_end(self, place: int) -> int:
        """Return the end of the line of ``place``, behind its line break."""
        found = self.text.find("\n", place)
        return len(self.text) if found < 0 else found + 1

    def column(self, place: int) -> int:
        return place - self.line_start(place)

    def of(self, node: Node) -> str:
        return self.text[node.start : node.end]


def _node(event: Any, text: str, anchors: dict[str, Node]) -> Node:
    """Return the node that ``event`` begins, and note it in ``anchors``."""
    import yaml  # late: as above

    node = Node("scalar", event.start_mark.index, event.end_mark.index, anchor=event.anchor)
    if isinstance(event, yaml.AliasEvent):
        node.kind, node.target = "alias", anchors.get(event.anchor or "")
        return node
    if isinstance(event, yaml.ScalarEvent):
        node.style, node.value = event.style or "", event.value
        if node.style in ("|", ">"):
            node.end = _block_scalar_end(text, node.start, node.end)
    else:
        node.kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
        node.flow = bool(event.flow_style)
    if node.anchor:
        anchors[node.anchor] = node
    return node


def _block_scalar_end(text: str, start: int, end: int) -> int:
    """Return the end of its last line; blank lines after that belong to it only if ``+`` keeps them."""
    header = re.compile(r"(?:[&!]\S*\s+)*[|>]([-+0-9]*)").match(text, start)
    if header and "+" in header[1]:
        return end - len(re.search(r"(\r?\n)?\Z", text[start:end])[0])  # type: ignore[index]  # always matches
    return start + len(text[start:end].rstrip())
