"""From a document, as GitHub shows it, to a page of the site. Pure, but for the files that it reads.

- A link that leaves ``docs/`` leads to that file on GitHub; one that does not, to its page.
- ``<!-- site: MAKER WORDS -->`` on a line of its own, which GitHub does not show, is replaced by what the
  function of that name returns: the help of a command, the keys of a schema, another file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from importlib import import_module
from inspect import isclass
from pathlib import Path
from typing import TYPE_CHECKING

from docs._ext import commands, schemas
from docs._ext.markdown import fenced
from tests.readme_tables import PROJECT

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = PROJECT / "docs"
ON_GITHUB = "https://github.com/org/gto-action"
_MARKER = re.compile(r"^<!-- site: (\w+) ?(.*?) -->$", re.MULTILINE)
# Code comes first, so that nothing in it is taken for a link.
_LINK = re.compile(r"^```.*?^```$|`[^`\n]*`|(?<=\]\()[^)\s]+(?=\))", re.DOTALL | re.MULTILINE)
_LANGUAGES = {".yml": "yaml", ".yaml": "yaml", ".json": "json", ".py": "python"}


def page(document: str, folder: Path) -> str:
    """Return the page that is made of ``document``, whose links begin in ``folder``.

    Raises:
        KeyError: a marker names no maker.
    """
    return _MARKER.sub(lambda marker: MAKERS[marker[1]](marker[2]), with_links(document, folder))


def with_links(document: str, folder: Path) -> str:
    """Return ``document`` with links that work on the site, wherever in it the text is shown."""
    return _LINK.sub(lambda found: _link(found[0], folder), document)


def _link(target: str, folder: Path) -> str:
    if target.startswith(("`", "#")) or re.match(r"[a-z]+:", target):
        return target
    path, *anchor = target.partition("#")
    file = Path(os.path.normpath(folder / path))
    if file.is_relative_to(DOCS):
        return "".join((f"/{file.relative_to(DOCS).as_posix()}", *anchor))
    kind = "tree" if file.is_dir() else "blob"
    return "".join((f"{ON_GITHUB}/{kind}/main/{file.relative_to(PROJECT).as_posix()}", *anchor))


def _contents(path: str) -> str:
    """The trees of the side bar: a heading of the document at ``path`` for each, and what is linked below it."""
    text = (DOCS / path).read_text(encoding="utf-8")
    trees = []
    for heading, below in re.findall(r"^### ([^\n]+)\n(.*?)(?=^#|\Z)", text, re.DOTALL | re.MULTILINE):
        pages = "\n".join(re.findall(r"^- \[.*?\]\((.+?)\.md\)", below, re.MULTILINE))
        trees.append(f"```{{toctree}}\n:hidden:\n:caption: {heading}\n\n{pages}\n```\n")
    return "\n".join(trees)


def _picture(words: str) -> str:
    """A picture in the theme's colours: the first word is its name, the rest says what is to be seen."""
    name, _, text = words.partition(" ")
    return "\n".join(
        f"```{{image}} /images/{name}-{theme}.svg\n:class: only-{theme}\n:alt: {text}\n```\n"
        for theme in ("light", "dark")
    )


def _include(path: str) -> str:
    """The document at ``path`` without its heading."""
    file = PROJECT / path
    _, _, below = with_links(file.read_text(encoding="utf-8"), file.parent).partition("\n")
    return below


def _file(path: str) -> str:
    file = PROJECT / path
    return fenced(file.read_text(encoding="utf-8"), _LANGUAGES[file.suffix])


def _module(name: str) -> str:
    """What a module has for its users, from their docstrings: what it exports, else its exceptions."""
    module = import_module(name)
    public = getattr(module, "__all__", None) or [
        key for key, thing in vars(module).items() if isclass(thing) and issubclass(thing, Exception)
    ]
    parts = [f".. py:module:: {name}\n", *(_described(f"{name}.{key}", getattr(module, key)) for key in public)]
    return fenced("\n".join(parts), "{eval-rst}")


def _objects(names: str) -> str:
    """Classes that are no module's own offer, but what its functions take and return."""
    found = [(name, *name.rpartition(".")) for name in names.split()]
    parts = [_described(name, getattr(import_module(module), key)) for name, module, _, key in found]
    return fenced("\n".join(parts), "{eval-rst}")


def _described(name: str, thing: object) -> str:
    if isclass(thing):
        return f".. autoclass:: {name}\n   :members:\n"
    return f".. autofunction:: {name}\n"


MAKERS: dict[str, Callable[[str], str]] = {
    "commands": commands.reference,
    "contents": _contents,
    "file": _file,
    "include": _include,
    "keys": lambda name: schemas.keys(PROJECT / f"schemas/{name}.schema.json"),
    "module": _module,
    "objects": _objects,
    "picture": _picture,
    "schemas": lambda _: schemas.listing(PROJECT / "schemas", f"{ON_GITHUB}/blob/main/schemas"),
}


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    source[0] = page(source[0], Path(app.env.doc2path(name)).parent)


def _skip(_app: Sphinx, _what: str, _name: str, thing: object, _skipped: bool, _options: object) -> bool | None:
    """Leave out the fields of named tuples, which the signature has already."""
    return True if str(getattr(thing, "__doc__", "")).startswith("Alias for field number") else None


def _signature(
    _app: Sphinx, _what: str, _name: str, _thing: object, _options: object, arguments: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    return arguments and without_forward_refs(arguments), returned and without_forward_refs(returned)


def without_forward_refs(signature: str) -> str:
    """Return a signature with the names of type aliases, which Python wraps in a union: ``Warn | None``."""
    return re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", signature)


def _docstring(_app: Sphinx, _what: str, _name: str, _thing: object, _options: object, lines: list[str]) -> None:
    lines[:] = with_fields(lines)


def with_fields(docstring: Sequence[str]) -> list[str]:
    """Return a docstring whose section ``Raises:`` is a list of fields, as Sphinx wants it."""
    if "Raises:" not in docstring:
        return [*docstring]
    start = docstring.index("Raises:")
    return [*docstring[:start], *(re.sub(r"^    (?=\S)", ":raises ", line) for line in docstring[start + 1 :])]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", _read)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True}
