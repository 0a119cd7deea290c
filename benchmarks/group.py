"""A group of 100 over a real broker and sockets: one message, a rekey, a first word; and Megolm beside our sender keys.

    python -m benchmarks.group [--members 100] [--messages 20] [--at-once 4]

alice runs here, the other members together in one more process, the broker in a third. Her cost is the CPU of this
process from the command until the message is on its way: sealed, in the database with fsync, handed to ZeroMQ; and, of
other messages, until the broker has it and its answer is in the database, too. Both include whatever ZeroMQ's thread
does meanwhile, CURVE among it. ``pip install vodozemac`` adds the rows of Megolm and Olm (Rust, called through its
Python binding).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

from benchmarks.figures import table
from sealwire.broker.keyfiles import read_public
from sealwire.cli import GARBAGE_AFTER
from sealwire.crypto.sender_keys import Place, ReceiverKey, SenderKey
from sealwire.ids import GroupId
from sealwire.peer.client import Client, WaitFor
from sealwire.peer.events import Group, Message
from sealwire.peer.profile import Profile
from sealwire.testing.processes import ROOT, Stage
from tests.conftest import PEOPLE

SEND_MS, REKEY_S, ARRIVE_S = 3.0, 3.0, 1.0
"""The figures to hold."""
LEFT: WaitFor = "queued"
TAKEN: WaitFor = "sent"
PATIENCE_S = 300.0
MEMORY = "/dev/shm"
"""Where the members' databases lie: one process stands for many machines, each of which has a disk of its own."""
RAISED = {
    "SEALWIRE_LIMITS__REQUESTS_PER_MIN": "100000",
    "SEALWIRE_LIMITS__REQUESTS_BURST": "100000",
    "SEALWIRE_LIMITS__GROUP_REQUESTS_PER_MIN": "100000",
    "SEALWIRE_LIMITS__GROUP_REQUESTS_BURST": "100000",
    "SEALWIRE_LIMITS__BUNDLE_FETCHES": "1000",
    "SEALWIRE_LIMITS__UNKNOWN_HANDSHAKES_PER_MIN": "100000",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--messages", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=4, help="members that join side by side")
    parser.add_argument("--role", choices=("members",), help=argparse.SUPPRESS)
    parser.add_argument("--facts", default="{}", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    gc.set_threshold(GARBAGE_AFTER)  # as every program of ours does when it starts
    if chosen.role == "members":
        asyncio.run(members(**json.loads(chosen.facts)))
        return
    print(asyncio.run(measured(chosen.members, chosen.messages, chosen.at_once)))
    print(ciphers())


# --- profiles ------------------------------------------------------------------------------------------------


def profile_of(name: str, folder: Path, address: str, data: Path) -> Profile:
    key = read_public(folder / "keys" / "broker.pub")
    return Profile(name, address, key, "broker.pub", None, folder / "keys", data / name, 8, 1)


async def opened(name: str, folder: Path, address: str, data: Path) -> Client:
    client = await Client.open(profile_of(name, folder, address, data), b"", lambda _line: None)
    await client.start()
    await client.online(PATIENCE_S)
    return client


# --- the members ---------------------------------------------------------------------------------------------


async def members(names: list[str], folder: str, data: str, address: str, at_once: int) -> None:
    """Every member but alice; a line on standard input is what they wait for, a line on standard output the answer."""
    clients = [await opened(name, Path(folder), address, Path(data)) for name in names]
    await _serve(clients, at_once)


async def _serve(clients: list[Client], at_once: int) -> None:
    heard: dict[str, list[float]] = {}
    news = asyncio.Event()
    tasks = [asyncio.create_task(_listen(client, heard, news)) for client in clients]
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        print(json.dumps(await _obey(clients, order, heard, news, at_once)), flush=True)
    for task in tasks:
        task.cancel()


async def _listen(client: Client, heard: dict[str, list[float]], news: asyncio.Event) -> None:
    async for event in client.events():
        key = None
        if isinstance(event, Message) and event.kind == "text":
            key = event.text
        elif isinstance(event, Group) and event.change == "invited" and event.subject == client.name:
            key = "invited"
        if key is not None:
            heard.setdefault(key, []).append(time.monotonic())
            news.set()


async def _obey(
    clients: list[Client], order: dict[str, Any], heard: dict[str, list[float]], news: asyncio.Event, at_once: int
) -> Any:
    match order:
        case {"accept": str(group)}:
            room = asyncio.Semaphore(at_once)

            async def accept(client: Client) -> None:
                async with room:
                    await client.groups.accept(group)

            await asyncio.gather(*(accept(client) for client in clients))
            return True
        case {"say": str(text), "to": str(group), "name": str(name)}:
            client = next(client for client in clients if client.name == name)
            began, cpu = time.monotonic(), time.process_time()
            await client.send_text(group, text, "sent", PATIENCE_S)
            return {"began": began, "sent": time.monotonic(), "cpu_s": time.process_time() - cpu}
        case {"wait": str(key), "count": int(count)}:
            while len(heard.get(key, ())) < count:
                news.clear()
                await asyncio.wait_for(news.wait(), PATIENCE_S)
            return max(heard[key])
        case _:
            raise ValueError(order)


class Others:
    """The process of the members."""

    def __init__(self, names: list[str], stage: Stage, at_once: int) -> None:
        self._data = tempfile.TemporaryDirectory(dir=MEMORY if os.path.isdir(MEMORY) else None)
        facts = {"names": names, "folder": str(stage.path), "data": self._data.name, "address": stage.address,
                 "at_once": at_once}  # fmt: skip
        command = [sys.executable, "-m", "benchmarks.group", "--role", "members", "--facts", json.dumps(facts)]
        self._child = subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True, env=stage.environment)
        assert self._child.stdout is not None
        assert self._child.stdin is not None
        self._out, self._in = self._child.stdout, self._child.stdin

    async def ready(self) -> None:
        assert (await asyncio.to_thread(self._out.readline)).strip() == "ready"

    async def ask(self, **order: object) -> Any:
        self._in.write(json.dumps(order) + "\n")
        self._in.flush()
        answer = await asyncio.to_thread(self._out.readline)
        if not answer:
            raise RuntimeError(f"the members' process ended: {self._child.wait()}")
        return json.loads(answer)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is heard from them meanwhile."""
        self._child.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._child.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self._child.kill()
        self._child.wait()
        self._data.cleanup()  # half a gigabyte of memory


# --- what is measured ----------------------------------------------------------------------------------------


async def measured(size: int, messages: int, at_once: int) -> str:
    names = [f"m{number:03}" for number in range(1, size)]
    keys = list(PEOPLE.values())
    with Stage(people={}, **RAISED) as stage:
        for number, name in enumerate(["alice", *names]):
            stage.plant(name, keys[number % len(keys)])
        others = Others(names, stage, at_once)
        try:
            await others.ready()
            alice = await opened("alice", stage.path, stage.address, stage.path / "data")
            rows = await _rows(alice, others, names, messages)
            await alice.close()
        finally:
            others.close()
    head = ["what", "measured", "limit", "ratio"]
    return table(f"A group of {size}", head, rows)


async def _rows(alice: Client, others: Others, names: list[str], messages: int) -> list[list[str]]:
    began = time.monotonic()
    group = (await alice.groups.create("crowd", names)).id
    await others.ask(wait="invited", count=len(names))
    await others.ask(accept=group)
    await _until(lambda: len(alice.engine.groups.seats.members(group)) == len(names) + 1)
    built_s = time.monotonic() - began
    rows = [["made, everybody asked and joined", f"{built_s:.1f} s", "", ""]]
    first = await _message(alice, others, group, "the first", len(names))
    rows.append(["the first message, after each was given the key", f"{first['arrived_s']:.2f} s", "", ""])
    sends = [await _message(alice, others, group, f"message {number}", len(names)) for number in range(messages)]
    costs = {
        wait: [await _alone(alice, others, group, f"{wait} {number}", len(names), wait) for number in range(messages)]
        for wait in (LEFT, TAKEN)
    }
    arrived_s = _median([send["arrived_s"] for send in sends])
    frames = _median([send["frames"] for send in sends])
    rows += [
        _cost("one message: CPU until it is on its way", costs[LEFT]),
        _cost("one message: CPU until the broker has it, too", costs[TAKEN]),
        ["one message: frames", f"{frames:.0f}", "1", f"{frames:.2f}"],
        ["one message: until all have it", f"{arrived_s:.3f} s", f"{ARRIVE_S:g} s", f"{arrived_s / ARRIVE_S:.2f}"],
        ["one message: CPU for all receipts", f"{_median([s['receipts_s'] for s in sends]) * 1e3:.1f} ms", "", ""],
    ]
    began, cpu = time.monotonic(), time.process_time()
    await alice.groups.remove(group, names[-1])
    sent = await _message(alice, others, group, "without one", len(names) - 1)
    rekey_s, cpu_s = sent["at"] - began, time.process_time() - cpu
    rows.append(["rekey: one is removed, until all have the next message", f"{rekey_s:.2f} s", f"{REKEY_S:g} s",
                 f"{rekey_s / REKEY_S:.2f}"])  # fmt: skip
    rows.append(["rekey: CPU of whoever removes", f"{cpu_s * 1e3:.0f} ms", "", ""])
    said = await others.ask(say="a first word", to=group, name=names[0])
    here_s = await _heard(alice, "a first word")
    there_s = await others.ask(wait="a first word", count=len(names) - 3)
    cold_s = max(here_s, there_s) - said["began"]
    rows.append(["a member's first word: a session and a key for each", f"{cold_s:.2f} s", "", ""])
    return rows


async def _message(alice: Client, others: Others, group: str, text: str, count: int) -> dict[str, float]:
    await _until(lambda: alice.engine.mail.outbox.queued() == 0)
    numbers, began, cpu = alice.engine.mail.outbox._seq, time.monotonic(), time.process_time()
    sent = await alice.send_text(group, text, "sent", PATIENCE_S)
    cpu_s, frames = time.process_time() - cpu, alice.engine.mail.outbox._seq - numbers
    at = await others.ask(wait=text, count=count)
    cpu = time.process_time()
    await _until(lambda: _is_delivered(alice, sent.id))
    receipts_s = time.process_time() - cpu
    return {"cpu_s": cpu_s, "frames": frames, "arrived_s": at - began, "at": at, "receipts_s": receipts_s}


def _cost(what: str, cpu_s: list[float]) -> list[str]:
    median_ms, best_ms = _median(cpu_s) * 1e3, min(cpu_s) * 1e3
    return [what, f"{median_ms:.2f} ms, best {best_ms:.2f}", f"{SEND_MS:g} ms", f"{median_ms / SEND_MS:.2f}"]


async def _alone(alice: Client, others: Others, group: str, text: str, count: int, wait: WaitFor) -> float:
    """What a message costs by itself: its receipts begin to come before the broker's answer, so they are held up."""
    await _until(lambda: alice.engine.mail.outbox.queued() == 0)
    with others.held():
        cpu = time.process_time()
        sent = await alice.send_text(group, text, wait, PATIENCE_S)
        cpu_s = time.process_time() - cpu
    await others.ask(wait=text, count=count)
    await _until(lambda: _is_delivered(alice, sent.id))
    return cpu_s


def _is_delivered(alice: Client, message_id: str) -> bool:
    message = alice.store.own_message(bytes.fromhex(message_id))
    return message is not None and message.state in ("delivered", "read")


async def _heard(client: Client, text: str) -> float:
    async for event in client.events():
        if isinstance(event, Message) and event.text == text:
            return time.monotonic()
    raise TimeoutError


async def _until(done: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > ends:
            raise TimeoutError
        await asyncio.sleep(0.02)


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


# --- ciphers -------------------------------------------------------------------------------------------------


def ciphers(count: int = 2000) -> str:
    text = b"x" * 200
    ours = _sender_keys(text)
    rows = [["Sealwire: seal", *_timed(ours[0], count)], ["Sealwire: open", *_timed(ours[1], count)]]
    try:
        theirs = _megolm(text)
    except ImportError:
        return table(
            "One message of a group, 200 bytes, µs", ["who", "median µs"], [*rows, ["Megolm", "not installed"]]
        )
    rows += [["Megolm (vodozemac): encrypt", *_timed(theirs[0], count)]]
    rows += [["Megolm (vodozemac): decrypt", *_timed(theirs[1], count)]]
    return table("One message of a group, 200 bytes, µs", ["who", "median µs"], rows)


def _timed(step: Callable[[], None], count: int) -> list[str]:
    times = []
    for _ in range(count):
        start = time.perf_counter_ns()
        step()
        times.append(time.perf_counter_ns() - start)
    return [f"{sorted(times)[count // 2] / 1000:.1f}"]


def _sender_keys(text: bytes) -> tuple[Callable[[], None], Callable[[], None]]:
    place = Place(GroupId(b"g" * 16), 1, b"h" * 32, b"c" * 32)
    first = SenderKey.generate(place, os.urandom)
    envelope = first.encrypt(text, os.urandom)[1]
    listening = ReceiverKey(place, first.chain_key, 0, first.verify_key)

    def seal() -> None:
        first.encrypt(text, os.urandom)

    def open_() -> None:
        assert listening.decrypt(envelope)[1] == text

    return seal, open_


def _megolm(text: bytes) -> tuple[Callable[[], None], Callable[[], None]]:
    import vodozemac

    session = vodozemac.GroupSession()
    listening = vodozemac.InboundGroupSession(session.session_key)
    message = session.encrypt(text)

    def encrypt() -> None:
        session.encrypt(text)

    def decrypt() -> None:
        assert listening.decrypt(message).plaintext == text

    return encrypt, decrypt


if __name__ == "__main__":
    main()
