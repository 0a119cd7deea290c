"""An upgrade while people write to each other: an earlier version of everything, replaced one program after the other.

    python -m scripts.upgrade [--since REVISION] [--report docs/reports/upgrade.md]

``REVISION`` is a tag or a commit of this repository; without it the last tag, or, as long as there is none, fifty
commits ago. First the earlier broker and three earlier peers talk. Then the broker is stopped and the present one
starts on the same folder, with the earlier peers; then one peer after the other. In a second house present peers talk
through the earlier broker. One checker judges all logs; exit 1 when anything was lost, shown twice, never sent or
reordered.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import machine
from scripts.kills import NAMES, Client
from sealwire.testing.checker import Verdict, judge
from sealwire.testing.processes import ROOT, Stage
from tests.conftest import PEOPLE

AGO = 50
ROUNDS = 10
"""Messages from each to each after every step."""
REST_S = 60.0


@dataclass(frozen=True, slots=True)
class Found:
    """One step: what ran, and what all logs said by then."""

    broker: str
    peers: str
    verdict: Verdict


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--since", default="", help="the earlier version: a tag or a commit")
    parser.add_argument("--report", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sealwire-upgrade-") as name:
        folder = Path(name)
        since = chosen.since or earlier()
        unpack(since, folder / "earlier")
        for house in ("up", "down"):
            (folder / house).mkdir()
        found = [*upgraded(folder / "up", folder / "earlier"), *mixed(folder / "down", folder / "earlier")]
    report = describe(since, found)
    print(report)
    if chosen.report:
        chosen.report.parent.mkdir(parents=True, exist_ok=True)
        chosen.report.write_text(report, "utf-8")
    return 0 if all(step.verdict.clean for step in found) else 1


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def earlier() -> str:
    """What to come from when nobody says it."""
    found = git("describe", "--tags", "--abbrev=0") or git("rev-parse", "--quiet", "--verify", f"HEAD~{AGO}")
    if not found:
        raise SystemExit("there is no earlier version here: name one with --since")
    return found


def unpack(revision: str, folder: Path) -> None:
    """Put the programs of a revision into a folder."""
    folder.mkdir()
    packed = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)


class House:
    """A broker and three people, each of one version or the other."""

    def __init__(self, folder: Path, old: Path) -> None:
        self.elsewhere = ("env", "-C", str(old))
        self.stage = Stage(folder, people=PEOPLE)
        self.stage.environment.pop("SEALWIRE_PEER__REQUESTS")  # an earlier version refuses settings it does not know
        self.folder, self.clients, self.count = folder, [], 0

    def begin(self, *, old_broker: bool, old_peers: bool) -> None:
        self.stage.broker_prefix = self.elsewhere if old_broker else ()
        self.stage.peer_prefix = self.elsewhere if old_peers else ()
        self.stage.__enter__()
        self.clients = [Client(self.stage, name, self.folder) for name in NAMES]

    def replace_broker(self) -> None:
        self.stage.broker.stop()
        self.stage.processes.remove(self.stage.broker)
        self.stage.broker_prefix = ()
        self.stage.start_broker()

    def replace(self, client: Client) -> None:
        client.peer.stop()
        self.stage.processes.remove(client.peer)
        for thread in client.threads:
            thread.join()
        self.stage.peer_prefix = ()
        client.start()

    def talk(self) -> Verdict:
        """Everyone writes to everyone; then quiet."""
        for _ in range(ROUNDS):
            for one, other in itertools.permutations(self.clients, 2):
                self.count += 1
                one.say(other.name, self.count)
        logs, ends = [client.log.path for client in self.clients], time.monotonic() + REST_S
        while not (verdict := judge(logs)).clean and time.monotonic() < ends:
            time.sleep(0.2)
        return verdict

    def end(self) -> None:
        for client in self.clients:
            client.leave()
        self.stage.__exit__(None, None, None)


def upgraded(folder: Path, old: Path) -> list[Found]:
    """First everything is old; at the end everything is new, and the folder is the same."""
    house = House(folder, old)
    house.begin(old_broker=True, old_peers=True)
    try:
        found = [Found("earlier", "earlier", house.talk())]
        house.replace_broker()
        found.append(Found("present", "earlier", house.talk()))
        for number, client in enumerate(house.clients, 1):
            house.replace(client)
            found.append(Found("present", f"{number} of {len(house.clients)} present", house.talk()))
        return found
    finally:
        house.end()


def mixed(folder: Path, old: Path) -> list[Found]:
    """People who upgraded before their broker did."""
    house = House(folder, old)
    house.begin(old_broker=True, old_peers=False)
    try:
        return [Found("earlier", "present, new people", house.talk())]
    finally:
        house.end()


def describe(since: str, found: list[Found]) -> str:
    """The report, in Markdown."""
    head = f"# An upgrade under talk\n\n{machine()}, `python -m scripts.upgrade --since {since[:12]}`\n\n"
    head += "The counts of each house go on from step to step: its folder, its databases and its logs stay.\n\n"
    head += (
        "| broker | peers | sent | accepted | shown | lost | never sent | twice | reordered |\n" + "|---" * 9 + "|\n"
    )
    return head + "".join(f"| {' | '.join(_row(step))} |\n" for step in found)


def _row(step: Found) -> list[str]:
    one = step.verdict
    counts = (one.sent, one.accepted, one.shown, len(one.lost), len(one.unsent), len(one.doubles), len(one.reordered))
    return [step.broker, step.peers, *(f"{count:,}" for count in counts)]


if __name__ == "__main__":
    sys.exit(main())
