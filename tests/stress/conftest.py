"""What several of the tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.killer import Killer


@pytest.fixture(scope="session")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    killer = Killer(tmp_path_factory.mktemp("killer"))
    yield killer
    killer.close()
