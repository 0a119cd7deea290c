"""What an attack did to a percentile, and how sure that is.

Stretches with and without the attack alternate, so that whatever else the machine does falls on both. Samples of all
stretches of a kind are put together; how sure their ratio is, is found by drawing pairs of stretches again and again
(a bootstrap by pairs: samples within a stretch are not independent of each other).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import fmean

DRAWS = 1_000
SURE = 0.95
"""Of the draws lie in the interval."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A percentile without and with the attack, in the samples' own unit, and an interval of their ratio."""

    without: float
    with_it: float
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.with_it / self.without

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}-{self.high:.2f})"

    def stays_within(self, part: float) -> str:
        """Whether the ratio is at most 1 + ``part``: yes, no, or that these samples do not say."""
        if self.high <= 1 + part:
            return "yes"
        return "no" if self.low > 1 + part else "not sure"


class Pool:
    """Samples of some stretches; a percentile of any choice among the stretches costs no sorting."""

    def __init__(self, stretches: list[list[float]]) -> None:
        self._sizes = [len(samples) for samples in stretches]
        several = ((value, at) for at, samples in enumerate(stretches) for value in samples)
        self._largest_first = sorted(several, reverse=True)

    def percentile(self, part: float, times: list[int]) -> float:
        """The value above which lies 1 - ``part`` of the samples, each stretch counted so many ``times``."""
        above = round((1 - part) * sum(size * count for size, count in zip(self._sizes, times, strict=True)))
        for value, at in self._largest_first:
            above -= times[at]
            if above < 0:
                return value
        raise ValueError("no samples")


def ratio(pairs: list[tuple[list[float], list[float]]], part: float = 0.99, seed: int = 1) -> Ratio:
    """Compare (samples without, samples with the attack) of several pairs of stretches.

    Raises:
        ValueError: there are no samples of one kind.
    """
    without, with_it = (Pool(list(kind)) for kind in zip(*pairs, strict=True))
    dice, count = random.Random(seed), len(pairs)
    once = [1] * count
    drawn = []
    for _ in range(DRAWS):
        times = [0] * count
        for at in dice.choices(range(count), k=count):
            times[at] += 1
        drawn.append(with_it.percentile(part, times) / without.percentile(part, times))
    drawn.sort()
    tail = round(DRAWS * (1 - SURE) / 2)
    return Ratio(without.percentile(part, once), with_it.percentile(part, once), drawn[tail], drawn[-1 - tail])


def means(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """The mean without and with."""
    return fmean(pair[0] for pair in pairs), fmean(pair[1] for pair in pairs)
