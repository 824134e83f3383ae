"""Fixtures of all tests. Network is off in unit tests."""

from pathlib import Path

import pytest
from pytest_socket import disable_socket

UNIT = Path(__file__).parent / "unit"
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
MANUALS = Path(__file__).parents[1] / "examples" / "manuals"


@pytest.fixture(autouse=True)
def no_network_in_unit_tests(request: pytest.FixtureRequest) -> None:
    """A unit test that opens a socket fails; sockets between our own processes are let through."""
    if UNIT in request.path.parents:
        disable_socket(allow_unix_socket=True)


@pytest.fixture(scope="session")
def manuals() -> Path:
    """The sample manuals that ship with the project."""
    return MANUALS


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real documents beside the checkout; not part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no folder shared/data beside the checkout")
    return SHARED_DATA
