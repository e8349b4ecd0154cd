"""YAML as GTO and DVC read it, version 1.2, with PyYAML, which by itself reads version 1.1.

The two versions read some plain words differently. In 1.2, ``yes``, ``no``, ``on`` and ``off`` are text, and so are
``12:30`` and ``1_000``; ``010`` is ten. https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from gto_ci.core.errors import one_line, quote

if TYPE_CHECKING:
    import yaml

_BOOL, _INT, _FLOAT = (f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float"))
_CORE = (
    (_BOOL, r"true|True|TRUE|false|False|FALSE", "tTfF"),
    (_INT, r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (_FLOAT, r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    (_FLOAT, r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
)


class WrongYaml(ValueError):
    """A fault in a YAML text: the ``reason``, and its ``line``, which counts from 1 and is 0 where it is not known."""

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        self.reason = one_line(reason, 300)
        super().__init__(self.reason)


class Document:
    """The one document of a YAML text, as nodes, which know their lines; ``root`` is None where it is empty."""

    def __init__(self, data: bytes) -> None:
        """Parse ``data``.

        Raises:
            WrongYaml: it is not YAML, or holds several documents.
        """
        import yaml  # late: a tag can be understood without it

        self._yaml = yaml
        try:
            self._loader = loader()(data)
            self.root: yaml.Node | None = self._loader.get_single_node()
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            position = getattr(error, "position", None)  # of a byte that is not text
            line = 0 if position is None else data.count(b"\n", 0, position) + 1
            raise _fault(error, line, "it is not YAML: ") from error

    def pairs(self, node: yaml.Node | None, what: str) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        """Return the keys and values of a mapping; an empty value counts as an empty mapping.

        If a key occurs twice, its last value counts. ``what`` is the mapping's name, for errors.

        Raises:
            WrongYaml: ``node`` is no mapping, or has a key that is not a scalar.
        """
        if node is None or node.tag == "tag:yaml.org,2002:null":
            return []
        if not isinstance(node, self._yaml.MappingNode):
            raise WrongYaml(line_of(node), f"{quote(what)} must hold keys and values")
        try:
            self._loader.flatten_mapping(node)
        except (self._yaml.YAMLError, RecursionError) as error:
            raise WrongYaml(line_of(node), "a merge key (<<) that cannot be resolved") from error
        found: dict[str, tuple[yaml.ScalarNode, yaml.Node]] = {}
        for key, value in node.value:
            if not isinstance(key, self._yaml.ScalarNode):
                raise WrongYaml(line_of(key), f"a key in {quote(what)} is not plain text")
            found[key.value] = (key, value)
        return list(found.values())

    def section(self, *keys: str) -> yaml.Node | None:
        """Return the value that ``keys`` lead to, one inside the other; None where there is none.

        Raises:
            WrongYaml: as :meth:`pairs`.
        """
        node = self.root
        for key in keys:
            node = next((value for name, value in self.pairs(node, "the file") if name.value == key), None)
        return node

    def construct(self, node: yaml.Node) -> Any:
        """Return the value of ``node``.

        Raises:
            WrongYaml: it has none.
        """
        try:
            return self._loader.construct_object(node, deep=True)
        except (self._yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
            raise _fault(error, line_of(node)) from error


def line_of(node: yaml.Node) -> int:
    """Return the line in which ``node`` begins, counted from 1."""
    return int(node.start_mark.line) + 1


def _fault(error: Exception, line: int, prefix: str = "") -> WrongYaml:
    mark = getattr(error, "problem_mark", None)
    said = [getattr(error, name, None) for name in ("context", "problem", "reason")]
    reason = ": ".join(filter(None, said)) or str(error) or type(error).__name__
    return WrongYaml(mark.line + 1 if mark else line, f"{prefix}{reason}")


@cache
def loader() -> Any:
    """Return the class of loaders: PyYAML's safe loader in C, or in Python where C was not built."""
    import yaml  # late: a tag can be understood without it

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # known at run time only
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_BOOL, _INT, _FLOAT)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for tag, pattern, first in _CORE:
        Loader.add_implicit_resolver(tag, re.compile(f"^(?:{pattern})$"), list(first))
    Loader.add_constructor(_INT, _integer)
    return Loader


def _integer(loader: Any, node: Any) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, 0) if re.match(r"0[xo]", text) else int(text, 10)
