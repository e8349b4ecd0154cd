"""What the comparisons stand on: gto 1.10.1 and 0.2.4, each installed once and started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracle.old_programs import OldGto
from tests.oracle.peers import PeerError
from tests.oracle.programs import Gto, Ours


@pytest.fixture(scope="session")
def oracle() -> Iterator[Gto]:
    """The rival program, ready to be asked."""
    try:
        with Gto() as program:
            yield program
    except PeerError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def old() -> Iterator[OldGto]:
    """The program whose annotations and commit events ours keeps."""
    try:
        with OldGto() as program:
            yield program
    except PeerError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def ours() -> Iterator[Ours]:
    """Our program, by the same questions."""
    with Ours() as program:
        yield program
