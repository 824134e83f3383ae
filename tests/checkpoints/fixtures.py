"""The fixture that gives tiny checkpoints; a `conftest.py` imports it. Without torch until it is asked for."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from checkpoints.build import Shelf


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> "Shelf":
    """Tiny checkpoints, shared by all tests of a session."""
    import torch

    from checkpoints.build import Shelf

    torch.set_num_threads(1)  # for networks this small threads only wait for each other
    return Shelf(tmp_path_factory.getbasetemp() / "checkpoints")
