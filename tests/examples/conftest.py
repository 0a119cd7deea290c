"""A broker of people who have been there before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sealwire.testing import LocalBroker, local_broker
from tests.conftest import PEOPLE


@pytest.fixture(scope="module")
def broker() -> Iterator[LocalBroker]:
    with local_broker(PEOPLE) as running:
        running.stage.run("--name", "bob", "status").check_returncode()  # alice can write before he is there
        yield running
