"""How deep the searches of hypothesis go.

CI tries the same few histories every time, so that it is quick and a failure is the change's own.
``SEALWIRE_TEST_DEPTH=20`` tries twenty times as many, others each time: ``scripts/nightly`` does.
"""

from __future__ import annotations

import os
from typing import Any, Final

from hypothesis import HealthCheck, settings

DEPTH: Final = int(os.environ.get("SEALWIRE_TEST_DEPTH", "1"))
SLOW: Final = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
"""A network of people is slow to build, and a machine under load slower: neither says anything about the code."""


def examples(count: int, **more: Any) -> settings:
    """Settings of a search that tries ``count`` histories in CI."""
    return settings(
        max_examples=count * DEPTH, derandomize=DEPTH == 1, deadline=None, suppress_health_check=SLOW, **more
    )
