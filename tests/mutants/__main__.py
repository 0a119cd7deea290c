"""``python -m tests.mutants [--share K/N | --rotate N] [--list] [NUMBERS…]``: see the package's text."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence

from tests.mutants.run import Outcome, run
from tests.mutants.table import TABLE, Mutant

SECONDS_A_DAY = 24 * 3600


def share(text: str, mutants: Sequence[Mutant] = TABLE) -> list[Mutant]:
    """Every Nth mutant from the Kth on, for ``K/N`` with K from 1 to N.

    Raises:
        ValueError: not of that form.
    """
    form = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    part, parts = map(int, form.groups()) if form else (0, 0)
    if not 1 <= part <= parts:
        raise ValueError("a share is K/N with K from 1 to N")
    return list(mutants[part - 1 :: parts])


def rotate(count: int, mutants: Sequence[Mutant] = TABLE) -> list[Mutant]:
    """Some mutants that change from day to day; SEALWIRE_MUTANTS_SHARE=K/N chooses them instead."""
    chosen = os.environ.get("SEALWIRE_MUTANTS_SHARE")
    if chosen:
        return share(chosen, mutants)
    parts = -(-len(mutants) // count)
    return share(f"{int(time.time() // SECONDS_A_DAY) % parts + 1}/{parts}", mutants)


def chosen_by(options: argparse.Namespace) -> list[Mutant]:
    mutants = [mutant for mutant in TABLE if not options.numbers or mutant.attack in options.numbers]
    if options.share:
        return share(options.share, mutants)
    return rotate(options.rotate, mutants) if options.rotate else mutants


def row(mutant: Mutant, outcome: str) -> str:
    patch = f"{mutant.old.strip()}  →  {mutant.new.strip()}"
    return f"{mutant.attack:>3}  {outcome:<20}  {mutant.file:<22}  {patch}\n{'':27}{mutant.test}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Each defence taken out and missed.")
    parser.add_argument("numbers", nargs="*", type=int, metavar="NUMBER", help="attacks to try; all without any")
    parser.add_argument("--share", metavar="K/N", help="every Nth mutant from the Kth on")
    parser.add_argument("--rotate", type=int, metavar="N", help="about N mutants, others every day")
    parser.add_argument("--list", action="store_true", help="show the table and try nothing")
    options = parser.parse_args(arguments)
    try:
        mutants = chosen_by(options)
    except ValueError as error:
        parser.error(str(error))
    if options.list:
        print("\n".join(row(mutant, "") for mutant in mutants))
        return 0
    bad = 0
    for mutant, outcome in run(mutants):
        bad += outcome is not Outcome.CAUGHT
        print(row(mutant, outcome.value), flush=True)
    print(f"{len(mutants) - bad} of {len(mutants)} mutants caught")
    return 1 if bad or not mutants else 0


if __name__ == "__main__":
    sys.exit(main())
