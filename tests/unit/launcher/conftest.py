from pathlib import Path

import pytest

from tests.unit.launcher.image import Image


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)
