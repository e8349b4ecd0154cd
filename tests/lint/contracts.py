"""Two contract types that import-linter does not have. `pyproject.toml` uses them."""

from __future__ import annotations

import ast
from pathlib import Path

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class AllowedImports(Contract):
    """The modules of a package import only each other and the allowed modules."""

    type_name = "allowed_imports"

    package = fields.StringField()
    allowed_modules = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        package, allowed = str(self.package), {str(name) for name in self.allowed_modules}
        found = []
        for module in sorted({package, *graph.find_descendants(package)}):
            for imported in sorted(graph.find_modules_directly_imported_by(module)):
                if not f"{imported}.".startswith(f"{package}.") and imported.partition(".")[0] not in allowed:
                    found.append((module, imported))
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for module, imported in check.metadata["found"]:
            output.print_error(f"{module} imports {imported}, which is not an allowed module")


class OnlyPackageCalls(Contract):
    """Only one package calls methods with the given names: those that take git's arguments."""

    type_name = "only_package_calls"

    package = fields.StringField()
    methods = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        package, methods = str(self.package), {str(name) for name in self.methods}
        root = package.partition(".")[0]
        found = []
        for file in sorted(Path(root).rglob("*.py")):
            module = ".".join(file.with_suffix("").parts)
            if module.startswith(f"{package}."):
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods:
                    found.append((file.as_posix(), node.lineno, node.func.attr))
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for file, line, method in check.metadata["found"]:
            output.print_error(f"{file}:{line} calls {method}(…), which takes git's arguments")
