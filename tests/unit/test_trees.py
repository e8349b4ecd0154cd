"""The bench that compares two source trees: its table, and what it says of a folder that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import trees
from benchmarks.timing import Sample


def sample(*wall: float) -> Sample:
    return Sample(wall, wall, tuple(1 for _ in wall))


def test_a_row_shows_the_ratio_of_medians_and_how_pairs_spread() -> None:
    rows = iter([("`gto show`", "10 tags", sample(0.010, 0.010, 0.020), sample(0.011, 0.012, 0.040))])
    *_, line = trees.report(rows)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["`gto show`", "10 tags", "10.0", "12.0", "1.200", "1.15–1.60", "3"]


def test_a_folder_without_the_project_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        trees._main([str(tmp_path), "."])
    assert ended.value.code == 2
    assert "holds no source tree of gto-ci" in capsys.readouterr().err
