"""Fuzzing that follows coverage: every decoder, the router, an engine and the port, each in a process of its own.

    pip install -r scripts/requirements.txt
    python -m scripts.fuzz_coverage [--seconds 120] [--only card,port] [--keep] [--report docs/reports/fuzz-coverage.md]

Targets and seeds are those of ``tests/fuzz/targets.py``. Every run begins from the committed corpus; ``--keep`` puts
what it learned back, as far as that is small. Exit 1 when anything was found; the input that did
it is then printed, and belongs into the corpus with the fix.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import machine

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
MEMORY_MIB = 1024
"""An input may not make a process larger than this."""
SLOW_S = 10
"""Nor take longer."""
KEPT_FILES, KEPT_BYTES = 40, 24_000
"""Of one target, in the repository."""
GRACE_S = 120


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one target's run says."""

    name: str
    inputs: int
    branches: int
    corpus: int
    found: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=120, help="of each target")
    parser.add_argument("--only", help="some targets, with commas between them")
    parser.add_argument("--keep", action="store_true", help="put what was learned into the committed corpus")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--target", help=argparse.SUPPRESS)
    chosen, rest = parser.parse_known_args()
    if chosen.target:
        return attack(chosen.target, rest)
    if rest:
        parser.error(f"what is {' '.join(rest)}?")
    from tests.fuzz.targets import TARGETS

    names = chosen.only.split(",") if chosen.only else list(TARGETS)
    outcomes = []
    for name in names:
        outcomes.append(fuzz(name, TARGETS[name].seeds, TARGETS[name].longest, chosen.seconds, chosen.keep))
        print(row(outcomes[-1]), file=sys.stderr)
    text = describe(chosen.seconds, outcomes)
    print(text)
    if chosen.report:
        chosen.report.write_text(text, "utf-8")
    return int(any(outcome.found for outcome in outcomes))


def attack(name: str, options: list[str]) -> int:
    """In the child: instrument, then hand over to libFuzzer, which ends the process."""
    import atheris

    with atheris.instrument_imports(include=["sealwire"]):
        from tests.fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *options], TARGETS[name].run)
    atheris.Fuzz()
    return 0


def fuzz(name: str, seeds: tuple[bytes, ...], longest: int, seconds: int, keep: bool) -> Outcome:
    """Run one target in a child from its committed corpus and seeds."""
    with tempfile.TemporaryDirectory(prefix=f"sealwire-fuzz-{name}-") as folder:
        learned, findings = Path(folder) / "learned", Path(folder) / "findings"
        learned.mkdir()
        findings.mkdir()
        for number, seed in enumerate(seeds):
            (learned / f"seed-{number}").write_bytes(seed)
        for path in sorted((CORPUS / name).glob("*")):
            shutil.copy(path, learned)
        limits = [f"-max_total_time={seconds}", f"-rss_limit_mb={MEMORY_MIB}", f"-timeout={SLOW_S}"]
        more = [f"-max_len={longest}", f"-artifact_prefix={findings}/", "-print_final_stats=1"]
        said = child(name, [str(learned), *limits, *more], seconds)
        if keep:
            retain(name, learned)
        counts = [
            re.findall(rf"{what}[:=]? *(\d+)", said) for what in ("stat::number_of_executed_units", "cov", "corp")
        ]
        inputs, branches, corpus = (int(found[-1]) if found else 0 for found in counts)
        broken = "\n".join(f"{path.name}: {path.read_bytes().hex()}" for path in sorted(findings.iterdir()))
        return Outcome(name, inputs, branches, corpus, f"{broken}\n{said[-3000:]}" if broken or not inputs else "")


def child(name: str, options: list[str], seconds: int) -> str:
    """All that a child printed; it ends by itself."""
    command = [sys.executable, "-m", "scripts.fuzz_coverage", "--target", name, *options]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds + GRACE_S, check=False
    )
    return done.stdout.decode("utf-8", "replace")


def retain(name: str, learned: Path) -> None:
    """Keep some of what was learned, small and large: every file there has reached something that none before did."""
    target = CORPUS / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    inputs = [path for path in learned.iterdir() if not path.name.startswith("seed-")]
    inputs.sort(key=lambda path: (path.stat().st_size, path.name))
    few = [inputs[at * len(inputs) // KEPT_FILES] for at in range(KEPT_FILES)] if len(inputs) > KEPT_FILES else inputs
    room = KEPT_BYTES
    for path in few:
        room -= path.stat().st_size
        if room < 0:
            break
        shutil.copy(path, target / path.name[:16])


def describe(seconds: int, outcomes: list[Outcome]) -> str:
    """The report, in Markdown."""
    head = f"# Fuzzing by coverage\n\n{machine()}, `python -m scripts.fuzz_coverage --seconds {seconds}`\n\n"
    total = sum(outcome.inputs for outcome in outcomes)
    findings = "".join(f"\n## {one.name}\n\n```\n{one.found}\n```\n" for one in outcomes if one.found)
    means = (
        f"{total:,} inputs. A finding is an exception other than the documented ones, a second encoding of a signed "
    )
    means += f"structure, {SLOW_S} s for one input, {MEMORY_MIB} MiB, or honest people who no longer get through.\n\n"
    table = "| target | inputs | branches reached | inputs kept for them | findings |\n|---|---:|---:|---:|---|\n"
    return head + means + table + "\n".join(map(row, outcomes)) + "\n" + findings


def row(one: Outcome) -> str:
    found = "**yes**" if one.found else "none"
    return f"| {one.name} | {one.inputs:,} | {one.branches:,} | {one.corpus:,} | {found} |"


if __name__ == "__main__":
    sys.exit(main())
