"""Changes in the text of an ``artifacts.yaml`` that leave everything around them as it is.

An :class:`Editor` collects replacements of places in the text and makes them all at the end. It handles what people
write: block and flow style, quotes, comments, anchors, merge keys, CRLF, a byte order mark. Its caller reads the result
and refuses a wrong one.

This is not the round trip of ruamel.yaml, because that writes the whole document anew: of the 36 documents in
``test_everything_else_stays`` it changes 12 that nobody asked to change. It lays JSON and flow lists out anew, drops
comments behind the end and unused anchors, and refuses a tab after a value.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from gto_ci.core.errors import GtoError, WrongAnnotations, quote
from gto_ci.files.annotations.reading import Plain
from gto_ci.files.annotations.yaml_positions import Node, Source
from gto_ci.files.annotations.yaml_writer import inline, lines, scalar

# Fields of one artifact's mapping, to be written. `virtual: True` is the default, and means the same as no field.
Fields: TypeAlias = dict[str, Plain]
Pair: TypeAlias = tuple[Node, Node]

_BOM = "\ufeff"
_MERGE = "<<"
_COLON = re.compile(r"\s*:")
_COMMA = re.compile(r"(?:\s|(?<=\s)#[^\n]*)*,")


def by_hand(path: str) -> GtoError:
    """Return the error for a text that cannot be changed safely."""
    return GtoError(
        f"{quote(path)} is written in a way that cannot be changed without damage to something else in it",
        "Change it by hand; nothing was written",
    )


def is_default(key: str, value: object) -> bool:
    """Tell whether a field means the same as its absence."""
    return value is True if key == "virtual" else key in _FIELDS and value in (None, "", [])


_FIELDS = frozenset({"type", "path", "labels", "description", "custom"})


class Editor:
    """The text of an ``artifacts.yaml`` and the changes to be made to it."""

    def __init__(self, source: Source, path: str, bom: bool) -> None:
        self._source = source
        self._path = path
        self._bom = bom
        self._splices: list[tuple[int, int, int, str]] = []
        self._moved: set[int] = set()  # ids of the anchored nodes whose text goes, or changes

    @classmethod
    def of(cls, data: bytes, path: str) -> Editor:
        """Return an editor for a text that :func:`reading.read_artifacts_yaml` accepts.

        Raises:
            WrongAnnotations: it is not UTF-8, or names an artifact twice.
        """
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise WrongAnnotations(path, data.count(b"\n", 0, error.start) + 1, "it is not UTF-8") from error
        editor = cls(Source.parse(text.removeprefix(_BOM)), path, text.startswith(_BOM))
        if editor._source.root is not None:
            editor._refuse_twins(editor._source.root)
        return editor

    def result(self) -> bytes:
        """Return the text with all changes made."""
        self._move_anchors()
        text = self._source.text
        for start, end, _, new in sorted(self._splices, reverse=True):
            text = text[:start] + new + text[end:]
        return ((_BOM if self._bom else "") + text).encode()

    def write(self, name: str, fields: Fields) -> None:
        """Set ``fields`` of the artifact ``name``, which may be new.

        Raises:
            GtoError: that cannot be done without losing something.
        """
        pair = self._find(name)
        if pair is None:
            self._add_artifact(name, {key: value for key, value in fields.items() if not is_default(key, value)})
        elif pair[1].kind == "alias":
            entry = pair[1]
            inherited = f"{{{_MERGE}: {self._source.of(entry)}, "
            self._splice(entry.start, entry.end, inherited + inline(fields)[1:])
        elif pair[1].children:
            self._refuse_twins(pair[1])
            self._touch(pair[1])
            self._update(pair[1], fields)
        else:
            self._fill(pair, {key: value for key, value in fields.items() if not is_default(key, value)})

    def remove(self, name: str) -> None:
        """Remove the artifact ``name``, which exists.

        Raises:
            GtoError: that cannot be done without losing something.
        """
        root, pair, source = self._source.root, self._find(name), self._source
        if root is None or pair is None:
            raise by_hand(self._path)
        self._forget(*pair)
        if root.flow:
            self._cut_from_flow(root, pair)
            return
        start, end = source.line_start(pair[0].start), source.line_end(pair[1].end)
        text = ""
        if len(root.pairs) == 1:
            ending = re.search(r"\r?\n\Z|\Z", source.text[start:end])
            text = source.text[start : pair[0].start] + "{}" + (ending[0] if ending else "")
        elif end == len(source.text) and not source.text.endswith("\n"):
            # the new last line ends as the old one did, unless its line break belongs to a block scalar
            above = [node for node in root.walk() if node.start < pair[0].start][-1]
            if above.style not in ("|", ">"):
                start -= 2 if source.text[:start].endswith("\r\n") else 1
        self._splice(start, end, text)

    # Artifacts

    def _find(self, name: str) -> Pair | None:
        root = self._source.root
        return next((pair for pair in root.pairs if pair[0].value == name), None) if root is not None else None

    def _add_artifact(self, name: str, fields: Fields) -> None:
        root, source = self._source.root, self._source
        if root is not None and root.flow and root.children:
            like = _json_quote(root)
            self._insert(root.children[-1].end, f", {scalar(name, like, flow=True)}: {inline(fields, like)}")
            return
        body = [f"{scalar(name)}:" if fields else f"{scalar(name)}: {{}}"]
        body += [" " * self._step + line for line in self._block_fields(fields)]
        if root is not None and root.children:
            indent = source.text[source.line_start(root.children[0].start) : root.children[0].start]
            self._insert_lines(source.close, [indent + line for line in body] if not indent.strip() else body)
        elif root is not None:
            self._replace_by_lines(root.start, root.end, body)
        else:
            self._insert_lines(source.close, body)

    def _fill(self, pair: Pair, fields: Fields) -> None:
        """Write the fields of an artifact that has none: ``m:``, ``m: ~`` or ``m: {}``."""
        key, entry = pair
        root = self._source.root
        used = self._uses({id(entry)}) if entry.anchor else []
        if (root is not None and root.flow) or entry.anchor or "\n" in self._source.of(entry):
            if used:
                self._moved.add(id(entry))
            self._replace(pair, inline(fields, _json_quote(root)))
            return
        indent = " " * (self._source.column(key.start) + self._step)
        self._replace_by_lines(entry.start, entry.end, [indent + line for line in self._block_fields(fields)])

    def _cut_from_flow(self, root: Node, pair: Pair) -> None:
        """Remove a pair from ``{…}`` together with one comma; comments stay."""
        text = self._source.text
        number = next(number for number, (key, _) in enumerate(root.pairs) if key is pair[0])
        start, end = pair[0].start, pair[1].end
        comma = _COMMA.match(text, end)
        if comma and not comma[0][:-1].strip():
            end = comma.end()
            if number < len(root.pairs) - 1 and text[end : end + 1] == " ":
                end += 1
        elif comma:
            self._splice(comma.end() - 1, comma.end(), "")
        elif number:
            before = _COMMA.match(text, root.pairs[number - 1][1].end)
            if before is None:
                raise by_hand(self._path)
            self._splice(before.end() - 1, before.end(), "")
        self._cut(start, end, spaces=comma is None)

    # Fields

    def _block_fields(self, fields: Fields) -> list[str]:
        return [line for key, value in fields.items() for line in lines(key, value, self._step, self._dash)]

    def _update(self, entry: Node, fields: Fields) -> None:
        own = {key.value: (key, value) for key, value in entry.pairs}
        additions: Fields = {}
        for name, value in fields.items():
            if name not in own:
                additions[name] = value
            elif name == "virtual" and value is True and _MERGE not in own and self._is_a_line(entry, own[name]):
                self._forget(*own[name])
                self._cut(own[name][0].start, own[name][1].end)
            elif name == "labels" and isinstance(value, list):
                self._extend(entry, own[name], value)
            else:
                self._set(entry, own[name], value)
        if not additions:
            return
        if entry.flow:
            self._insert(entry.children[-1].end, ", " + inline(additions, _json_quote(entry))[1:-1])
            return
        indent = " " * self._source.column(entry.children[0].start)
        body = [indent + line for line in self._block_fields(additions)]
        self._insert_lines(self._source.line_end(entry.end), body)

    def _is_a_line(self, entry: Node, pair: Pair) -> bool:
        """Tell whether a field fills one line of a block, without a comment, and is not the only one."""
        start, end = pair[0].start, pair[1].end
        line = self._source.text[self._source.line_start(start) : self._source.line_end(end)]
        text = self._source.text[start:end]
        return (
            not entry.flow and len(entry.pairs) > 1 and line.strip() == text and "\n" not in text and line[-1] == "\n"
        )

    def _extend(self, entry: Node, pair: Pair, labels: list[Plain]) -> None:
        """Write ``labels``; the first of them are the present ones."""
        node = pair[1]
        there = len(node.children)
        new = labels[there:] if len(dict.fromkeys(child.value for child in node.children)) == there else []
        last = node.children[-1] if node.kind == "sequence" and node.children else None
        # the line of the last item's dash; the item may begin with an anchor
        dash = re.match(r"[ \t]*-[ \t]+", self._source.text[self._source.line_start(last.start) :]) if last else None
        if last is None or not new or not (node.flow or dash):
            self._set(entry, pair, labels)
            return
        self._touch(node)
        if node.flow:
            like = '"' if last.style == '"' else ""
            self._insert(last.end, "".join(f", {inline(label, like)}" for label in new))
        elif dash:
            body = [dash[0] + inline(label, flow=False) for label in new]
            self._insert_lines(self._source.line_end(last.end), body)

    def _set(self, entry: Node, pair: Pair, value: Plain) -> None:
        key, node = pair
        text = self._source.text
        on_own_lines = node.kind in ("sequence", "mapping") and not node.flow and "\n" in text[key.end : node.start]
        if on_own_lines:
            colon = _COLON.match(text, key.end)
            if colon is None:
                raise by_hand(self._path)
            self._refuse_comments(text[colon.end() : node.end])
            self._forget(node)
            indent = self._source.newline + " " * self._source.column(key.start)
            name, *body = lines(key.value, value, self._step, self._dash)
            first = name[len(scalar(key.value)) + 1 :]
            self._splice(colon.end(), node.end, first + "".join(indent + line for line in body))
            return
        like = node.style if node.style in ("'", '"') else key.style if entry.flow and key.style == '"' else ""
        self._replace(pair, inline(value, like, flow=entry.flow or isinstance(value, (list, dict))))

    def _replace(self, pair: Pair, text: str) -> None:
        """Replace the value of ``pair`` by ``text``, which is one line."""
        key, node = pair
        source = self._source
        if node.end == node.start:
            colon = _COLON.match(source.text, key.end)
            self._insert(colon.end() if colon else key.end, f" {text}" if colon else f": {text}")
            return
        if node.children:
            self._refuse_comments(source.of(node))
        if node.anchor and node.kind != "alias" and not self._uses({id(node)}):
            text = f"&{node.anchor} {text}"
        self._forget(node)
        if node.style in ("|", ">"):
            comment = re.search(r"[ \t]+#[^\r\n]*", source.text[node.start : source.line_end(node.start)])
            text += comment[0] if comment else ""
        self._splice(node.start, node.end, text)

    # Anchors

    def _forget(self, *nodes: Node) -> None:
        """Note that the text of ``nodes`` will be removed."""
        self._moved.update(id(one) for node in nodes for one in node.walk() if one.anchor and one.kind != "alias")

    def _touch(self, node: Node) -> None:
        """Note that the content of ``node`` changes; the value of its aliases must not change."""
        if node.anchor and self._uses({id(node)}):
            self._moved.add(id(node))
            anchor = re.compile(rf"&{re.escape(node.anchor)}(?!\S)[ \t]*").search(self._source.text, node.start)
            if anchor is None:
                raise by_hand(self._path)
            ends_line = not self._source.text[anchor.end() : self._source.line_end(anchor.end())].strip()
            self._cut(*anchor.span(), spaces=ends_line)

    def _uses(self, nodes: set[int]) -> list[Node]:
        """Return the remaining aliases of ``nodes``, in the order of the text."""
        root = self._source.root
        found = [node for node in root.walk() if node.kind == "alias" and id(node.target) in nodes] if root else []
        return [one for one in found if not any(start <= one.start < end for start, end, _, _ in self._splices)]

    def _move_anchors(self) -> None:
        """Write the value of an anchor that is removed or changed at its first remaining alias."""
        defined: set[int] = set()
        for alias in self._uses(self._moved):
            if alias.target is not None and id(alias.target) not in defined:
                self._splice(alias.start, alias.end, self._elsewhere(alias.target, defined))

    def _elsewhere(self, node: Node, defined: set[int]) -> str:
        """Return the value of ``node`` in flow style, for another place in the text."""
        value = node.target if node.kind == "alias" and node.target is not None else node
        anchor = ""
        if value.anchor and (id(value) not in self._moved or id(value) in defined):
            return f"*{value.anchor}"
        if value.anchor and self._uses({id(value)}):
            defined.add(id(value))
            anchor = f"&{value.anchor} "
        if value.kind == "scalar":
            return anchor + self._scalar_elsewhere(value)
        inner = [self._elsewhere(child, defined) for child in value.children]
        if value.kind == "sequence":
            return f"{anchor}[{', '.join(inner)}]"
        pairs = zip(inner[::2], inner[1::2], strict=True)
        return f"{anchor}{{{', '.join(f'{key}: {item}' for key, item in pairs)}}}"

    def _scalar_elsewhere(self, node: Node) -> str:
        text = self._source.of(node)
        if node.anchor:
            text = text.removeprefix(f"&{node.anchor}").lstrip()
        if "\n" in text or (not node.style and re.search(r"[,\[\]{}]", text)):
            return scalar(node.value, flow=True)
        return text or "null"

    # The text

    @property
    def _step(self) -> int:
        """The indentation of a mapping in a mapping, in this file."""
        root = self._source.root
        for key, value in root.pairs if root is not None and not root.flow else ():
            if value.children and value.kind == "mapping" and not value.flow:
                return max(self._source.column(value.children[0].start) - self._source.column(key.start), 1)
        return 2

    @property
    def _dash(self) -> int:
        """The indentation of the dashes of a list, in this file."""
        root = self._source.root
        for key, value in (pair for node in root.walk() for pair in node.pairs) if root is not None else ():
            if value.children and value.kind == "sequence" and not value.flow:
                start = self._source.line_start(value.children[0].start)
                dash = re.compile(r" *(?=-)").match(self._source.text, start)
                return max(len(dash[0]) - self._source.column(key.start), 0) if dash else self._step
        return self._step

    def _splice(self, start: int, end: int, text: str) -> None:
        # with a number, so that two texts inserted at one place keep their order
        self._splices.append((start, end, len(self._splices), text))

    def _insert(self, place: int, text: str) -> None:
        self._splice(place, place, text)

    def _insert_lines(self, place: int, body: list[str]) -> None:
        """Insert whole lines at ``place``, which begins a line or ends the text.

        If the last line has no line break, the new last line has none either.
        """
        text = self._source.newline.join(body)
        before = self._source.text[:place]
        bare = before != "" and not before.endswith("\n")
        self._insert(place, self._source.newline + text if bare else text + self._source.newline)

    def _replace_by_lines(self, start: int, end: int, body: list[str]) -> None:
        """Replace a value by whole lines: in its place if it is alone on its line, else below that line."""
        source = self._source
        first, last = source.line_start(start), source.line_end(end)
        if start < end and not source.text[first:start].strip() and not source.text[end:last].strip():
            self._splice(first, end, source.newline.join(body))
            return
        if start < end:
            self._cut(start, end)
        self._insert_lines(last, body)

    def _cut(self, start: int, end: int, *, spaces: bool = True) -> None:
        """Remove ``start`` to ``end`` and the spaces before it; remove the line if nothing else is on it."""
        text = self._source.text
        first, last = self._source.line_start(start), self._source.line_end(end)
        if not text[first:start].strip() and not text[end:last].strip():
            start, end = first, last
        while spaces and start > first and text[start - 1] in " \t":
            start -= 1
        self._splice(start, end, "")

    def _refuse_twins(self, node: Node) -> None:
        seen: set[str] = set()
        for key, _ in node.pairs:
            if key.value in seen:
                line = self._source.text.count("\n", 0, key.start) + 1
                raise WrongAnnotations(self._path, line, f"{quote(key.value)} occurs twice")
            seen.add(key.value)

    def _refuse_comments(self, text: str) -> None:
        if re.search(r"(?:^|\s)#", text):
            raise by_hand(self._path)


def _json_quote(node: Node | None) -> str:
    """Return the quote for keys and values that join a mapping: a double quote if the mapping is JSON."""
    return '"' if node is not None and len(node.children) > 1 and node.children[-2].style == '"' else ""
