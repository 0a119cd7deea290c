"""The corpora that coverage-guided fuzzing grew, and every seed: each input again, in milliseconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS, area_of, decoders, join, split
from tests.property.test_decoders import EVERY, RSA_PRIVATE

CORPUS = Path(__file__).with_name("corpus")
MAX_CORPUS_BYTES = 600_000
"""All of it, in the repository."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.process if n == "port" else ()) for n in TARGETS])
def test_every_input_of_the_corpus_is_survived(name):
    inputs = [*TARGETS[name].seeds, *(path.read_bytes() for path in sorted((CORPUS / name).iterdir()))]
    assert len(inputs) > len(TARGETS[name].seeds)
    for data in inputs:
        TARGETS[name].run(data)


def test_every_decoder_is_a_target():
    fuzzed = {kind for area in {area_of(kind) for kind in EVERY} for kind in decoders(area)}
    assert fuzzed == set(EVERY) - RSA_PRIVATE
    assert {area_of(kind) for kind in EVERY} <= set(TARGETS)


def test_seeds_of_decoders_decode():
    for kind, (decode, valid) in EVERY.items():
        decode(valid)
        assert kind in RSA_PRIVATE or valid in TARGETS[area_of(kind)].seeds


def test_an_input_of_frames_is_taken_apart_as_it_was_joined():
    parts = [(1, b"first"), (2, b"x" * 300)]
    assert list(split(join(*parts))) == parts


def test_the_corpus_stays_small():
    assert {path.name for path in CORPUS.iterdir()} <= set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < MAX_CORPUS_BYTES
