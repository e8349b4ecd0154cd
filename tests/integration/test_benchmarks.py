"""The bench's own parts: stop-watch, registries, report. Nothing here asks how long anything took."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.imports import imported, third_party
from benchmarks.options import PROJECT
from benchmarks.registries import Shape, kept
from benchmarks.timing import (
    BenchError,
    Command,
    Sample,
    _family,
    _resident,
    alternate,
    environment,
    output,
    same_output,
    watch_memory,
)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", code)


def marking(file: Path, mark: str) -> Command:
    return Command(python(f"open({str(file)!r}, 'a').write({mark!r})"))


def test_programs_alternate_and_take_turns_in_going_first(tmp_path: Path) -> None:
    order = tmp_path / "order"
    found = alternate({name: marking(order, name) for name in "AB"}, runs=4, warmup=1)
    assert order.read_text() == "AB" + "ABBAABBA"
    assert {name: len(sample.wall) for name, sample in found.items()} == {"A": 4, "B": 4}


def test_a_budget_leaves_out_rounds_but_the_first_three(tmp_path: Path) -> None:
    order = tmp_path / "order"
    found = alternate({name: marking(order, name) for name in "AB"}, runs=9, warmup=0, budget=0.0)
    assert order.read_text() == "ABBAAB"
    assert len(found["A"].wall) == len(found["A"].cpu) == len(found["A"].peak) == 3


def test_prepare_comes_before_each_run(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    command = Command(("mkdir", str(gone)), prepare=lambda: gone.rmdir() if gone.exists() else None)
    alternate({"it": command}, runs=2)
    assert gone.is_dir()


def test_a_program_gets_folder_environment_and_files(tmp_path: Path) -> None:
    asked, said = tmp_path / "asked", tmp_path / "said"
    asked.write_text("in")
    code = "import os, sys; print(os.getcwd(), sorted(os.environ), sys.stdin.read())"
    command = Command(python(code), tmp_path, {"ONLY": "this", "LC_ALL": "C.UTF-8"}, stdin=asked, stdout=said)
    alternate({"it": command}, runs=2)
    assert said.read_text() == f"{tmp_path} ['LC_ALL', 'ONLY'] in\n"


def test_the_users_settings_do_not_reach_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert {"GIT_DIR", "PYTHONPATH"}.isdisjoint(environment())
    assert environment(ONE="more")["ONE"] == "more"
    assert output(Command(python("import os; print('GIT_DIR' in os.environ)"))) == "False\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("sh", "-c", "echo 'no such thing' >&2; exit 3"), "3"),
        (("sh", "-c", "echo 'no such thing' >&2; kill -9 $$"), "-9"),
    ],
)
def test_a_failure_names_words_code_and_stderr(words: tuple[str, ...], code: str) -> None:
    with pytest.raises(BenchError) as caught:
        alternate({"it": Command(words)}, runs=1)
    message = str(caught.value)
    assert message.startswith("sh -c ")
    assert f"ended with {code}\nno such thing" in message


def test_a_program_that_is_not_there_is_a_failure() -> None:
    with pytest.raises(BenchError, match=r"(?s)^no-such-program\nended with 1\n.*FileNotFoundError"):
        alternate({"it": Command(("no-such-program",))}, runs=1)


def test_the_peak_is_the_programs_own_and_its_childrens() -> None:
    """Linux counts the memory of the process that starts a program into the program's peak."""
    ours = bytearray(b"x") * 120_000_000
    big = python("x = b'x' * 60_000_000")
    found = alternate(
        {"small": Command(python("")), "big": Command(big), "parent": Command(("sh", "-c", '"$@"; :', "sh", *big))}, 1
    )
    del ours
    assert found["small"].median_peak < 50_000_000
    assert 60_000_000 < found["big"].median_peak < 110_000_000
    assert 60_000_000 < found["parent"].median_peak < 110_000_000


def test_memory_is_watched_of_a_program_and_its_children() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(("sh", "-c", "cat; :"), stdin=pipe, stdout=pipe, text=True, bufsize=1) as shell:
        assert shell.stdin
        assert shell.stdout
        shell.stdin.write("here\n")
        assert shell.stdout.readline() == "here\n"  # so the child is there
        mother, child = _family(shell.pid)
        assert mother == shell.pid
        assert _resident(mother) > 0
        assert _resident(child) > 0
        shell.stdin.close()
    assert (_family(child), _resident(child)) == ([child], 0)
    with pytest.raises(BenchError, match="ended with 3"):
        watch_memory(Command(("sh", "-c", "exit 3")))


def test_medians_and_spread() -> None:
    sample = Sample((1.0, 5.0, 3.0, 2.0, 4.0), (0.1, 0.3, 0.2, 0.1, 0.1), (5, 7, 6, 5, 5))
    assert (sample.median, sample.median_cpu, sample.median_peak) == (3.0, 0.1, 5)
    assert sample.spread == pytest.approx(2 / 3)
    assert Sample((1.0,), (1.0,), (1,)).spread == 0.0


def test_answers_are_compared(tmp_path: Path) -> None:
    command = Command(("printf", "a\nb\n"), stdout=tmp_path / "one")
    other = replace(command, words=("printf", "a\nB\n"), stdout=tmp_path / "other")
    alternate({"one": command, "other": other}, runs=1, warmup=0)
    same_output(command, command)
    with pytest.raises(BenchError, match="another line 2 than its peer: 'b', 'B'"):
        same_output(command, other)


def test_a_registry_is_kept(tmp_path: Path) -> None:
    shape = Shape.usual(40, seed=3)
    made = kept(tmp_path, shape)
    written = made.folder.stat()
    again = kept(tmp_path, shape)
    assert again == made
    assert again.folder.stat() == written
    tags = subprocess.run(["git", "tag"], cwd=made.folder, capture_output=True, text=True, check=True).stdout.split()
    assert sorted(tags) == sorted(made.tags)
    assert kept(tmp_path, replace(shape, seed=4)).folder != made.folder


def test_a_registry_that_was_interrupted_is_written_again(tmp_path: Path) -> None:
    shape = Shape.usual(10, seed=1)
    made = kept(tmp_path, shape)
    made.folder.with_suffix(".ready").unlink()
    (made.folder / "half").touch()
    assert kept(tmp_path, shape) == made
    assert not (made.folder / "half").exists()


def test_the_library_imports_nothing_of_third_parties() -> None:
    bare = third_party(imported([sys.executable, "-c", "pass"]))
    assert third_party(imported([sys.executable, "-c", "import gto_ci"])) <= bare


def test_check_ref_imports_little(tmp_path: Path) -> None:
    made = kept(tmp_path, Shape.usual(10, seed=1))
    script = re.search(r'^gto = "(.+):(.+)"$', (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)
    assert script
    code = f"from {script[1]} import {script[2]} as main; main()"
    bare = third_party(imported([sys.executable, "-c", "pass"]))
    asked = imported([sys.executable, "-c", code, "check-ref", made.typical_tag], made.folder)
    assert third_party(asked) <= bare
    # modules of ours; each costs a start some tenths of a millisecond
    assert len([name for name in asked if name.startswith("gto_ci")]) <= 20
