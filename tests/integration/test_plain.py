"""Tests of the fast path of ``gto``, which answers simple commands without click; real git."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gto_ci.cli import fast_path, gto
from tests.workdir import WorkDir

BIN = Path(sys.executable).parent
PLAIN = [
    "check-ref m@v1.0.0", "check-ref m@v1.0.0 --json", "check-ref m#prod#1 --stage", "check-ref m@v9.0.0",
    "check-ref refs/heads/main", "show", "show --json", "show --plain", "show --name", "show --ref", "show m",
    "show m --ref", "show m --json", "show m@latest --version", "show m#prod --plain", "show gone", "show no!name",
    "history", "history m", "history m --plain", "history --json", "history gone", "history a//b", "show d:x",
]  # fmt: skip


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> WorkDir:
    """A registry with two artifacts, a stage and an annotation, and with tags that are not events."""
    work = WorkDir.init(tmp_path_factory.mktemp("plain") / "work")
    work.commit("one", **{"artifacts.yaml": "noted: {type: model}\n"})
    work.tag("m@v1.0.0")
    work.tag("m#prod#1")
    work.tag("d=x@v0.1.0")
    work.commit("two")
    work.tag("m@v1.1.0", message="é\n\n\x1b[1mbold")
    work.lightweight("m@v9.0.0")
    work.tag("release-1")
    return work


def answer(
    main: object, line: str, work: WorkDir, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[object, str, str]:
    assert callable(main)
    monkeypatch.setattr(sys, "argv", ["gto", *line.split()])
    monkeypatch.chdir(work.path)
    with pytest.raises(SystemExit) as end:
        main()
    return (end.value.code or 0, *capsys.readouterr())


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> WorkDir:
    """A repository with a malformed annotation file."""
    odd = WorkDir.init(tmp_path_factory.mktemp("odd") / "work")
    odd.commit("one", **{"dvc.yaml": "artifacts: {x: 1}\n"})
    odd.tag("m@v1.0.0")
    return odd


@pytest.mark.parametrize("line", ["show", "show m", "history", "show --json"])
def test_both_ways_in_warn_once(
    line: str, odd: WorkDir, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    by_click = answer(gto.main, line, odd, monkeypatch, capsys)
    assert answer(fast_path.main, line, odd, monkeypatch, capsys) == by_click
    assert by_click[2].count("Malformed") == 1


@pytest.mark.parametrize("line", PLAIN)
def test_both_ways_in_say_the_same(
    line: str, work: WorkDir, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fast_path.plain(line.split()) is not None
    by_click = answer(gto.main, line, work, monkeypatch, capsys)
    assert answer(fast_path.main, line, work, monkeypatch, capsys) == by_click
    assert by_click[1] or by_click[2] or line == "check-ref refs/heads/main"


@pytest.mark.parametrize("line", ["check-ref m@v1.0.0", "show", "history", "show m --plain", "history m"])
def test_it_imports_no_click_and_no_dataclasses(line: str, tmp_path: Path) -> None:
    """Importing them takes as long as the rest of the command."""
    work = WorkDir.init(tmp_path / "work")
    work.commit()
    work.tag("m@v1.0.0")
    script = f"""
import sys
from gto_ci.cli import fast_path
sys.argv = ["gto", *{line.split()}, "-r", {str(work.path)!r}]
try:
    fast_path.main()
except SystemExit as end:
    assert end.code == 0
others = {{name.partition(".")[0] for name in sys.modules}} - set(sys.stdlib_module_names) - {{"gto_ci"}}
print(sorted(name for name in others if not name.startswith("_")), "dataclasses" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] False", done.stdout


@pytest.mark.parametrize("line", ["check-ref m@v1.0.0", "show", "history -a", "stages"])
def test_a_reader_that_has_left_is_no_error(line: str, work: WorkDir) -> None:
    program = subprocess.Popen(
        [BIN / "gto", *line.split()], cwd=work.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert program.stdout is not None
    program.stdout.close()
    _, said = program.communicate()
    assert (program.returncode, said) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("line", ["check-ref m@v1.0.0", "show", "history -a", "stages", "--help"])
def test_a_full_disk_is_said_in_a_line(line: str, work: WorkDir) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [BIN / "gto", *line.split()], cwd=work.path, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert done.stderr.decode() == "❌ Cannot write: No space left on device. Free some space, or write elsewhere\n"
