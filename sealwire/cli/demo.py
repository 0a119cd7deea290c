"""``peer.py --demo``: a broker, alice and bob as three real processes, with keys that are thrown away.

What stands in a column comes from that process: alice's and bob's from their event streams, the broker's from
``broker.py --watch``. Nothing is acted; only the explanations in between are written here.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from sealwire.cli.demo_cast import Actor, BrokerActor, DemoError, Event, PeerActor
from sealwire.cli.demo_stage import Place, Stage
from sealwire.cli.loops import until_told
from sealwire.i18n import _
from sealwire.ui import views
from sealwire.ui.views import sentences

STEP_S = 30.0
"""How long any single step may take."""
KEYS_S = 180.0
"""Making two RSA-3072 keys takes seconds, and on a small or busy machine minutes: they look for primes by chance."""

_SETTINGS = """\
peer:
  kdf_memory_mib: 8
  kdf_passes: 1
paths:
  keys: keys
  data: data
"""
"""A random passphrase that nobody keeps needs no slow derivation."""


def run() -> int:
    """Play the demo; returns the exit code. Being told to stop is not an error.

    Raises:
        DemoError: a process ended early, or something did not happen in time.
    """
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    with tempfile.TemporaryDirectory(prefix="sealwire-demo-") as folder, contextlib.suppress(KeyboardInterrupt):
        until_told(Demo(Stage(width), Path(folder)).play(), children=True)
    return 0


class Demo:
    """The story and who plays in it."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self._stage = stage
        self._folder = folder
        self._exits = contextlib.AsyncExitStack()
        self._texts: dict[str, str] = {}
        self._playing: asyncio.Task[None] | None = None
        self._lost: OSError | None = None
        """Why nothing can be shown any more."""

    async def play(self) -> None:
        """All scenes in order; every process ends with it, also when nobody reads any more."""
        self._playing = asyncio.current_task()
        try:
            await self._play()
        except asyncio.CancelledError:
            if self._lost is None:
                raise
            raise self._lost from None

    async def _play(self) -> None:
        began = time.monotonic()
        self._stage.open()
        async with self._exits:
            broker = await self._start_broker()
            alice, bob = await self._register(await broker.address(STEP_S))
            await self._exchange_keys(alice, bob)
            await self._first_message(alice, bob)
            await self._answer(alice, bob)
            await self._away_and_back(alice, bob, await broker.address(STEP_S))
        self._end(time.monotonic() - began)

    # --- scenes ----------------------------------------------------------------------------------------------

    async def _start_broker(self) -> BrokerActor:
        (self._folder / "config.yaml").write_text(_SETTINGS, "utf-8")
        (self._folder / "passphrase").write_text(secrets.token_hex(16), "ascii")
        process = await Actor.launch("broker", [*self._where(), "--bind", "tcp://127.0.0.1:0", "--watch"])
        broker = BrokerActor(process, self._relayed)
        self._exits.push_async_callback(broker.end)
        self._stage.show("broker", _("listens on {address}").format(address=await broker.address(STEP_S)))
        return broker

    async def _register(self, address: str) -> tuple[PeerActor, PeerActor]:
        self._stage.tell(
            "alice",
            _(
                "Start: alice and bob each make an RSA-3072 key to sign, another to decrypt, and X25519, Ed25519 and "
                "ML-KEM-768 keys. That takes some seconds. Then they register; the broker gets public keys only."
            ),
        )
        alice, bob = await asyncio.gather(self._peer("alice", address), self._peer("bob", address))
        await asyncio.gather(alice.see(KEYS_S, type="ready"), bob.see(KEYS_S, type="ready"))
        return alice, bob

    async def _exchange_keys(self, alice: PeerActor, bob: PeerActor) -> None:
        self._stage.tell(
            "alice",
            _(
                "Keys exchanged: each fetches the other's signed keys from the broker. The broker cannot swap them "
                "unnoticed: these 60 digits come from both account keys and must be the same on both sides."
            ),
        )
        seen = set()
        for peer, other in ((alice, "bob"), (bob, "alice")):
            number = await peer.ask("verify", STEP_S, name=other)
            seen.add(number["digits"])
            digits = " / ".join(views.safety_lines(str(number["digits"])))
            self._stage.show(_place(peer), _("safety number with {name}: {digits}").format(name=other, digits=digits))
        if len(seen) != 1:
            raise DemoError(detail=_("alice and bob see different safety numbers."))
        for peer, other in ((alice, "bob"), (bob, "alice")):
            await peer.ask("verify", STEP_S, name=other, verified=True)
            self._stage.show(_place(peer), _("the same: {name} is verified").format(name=other))

    async def _first_message(self, alice: PeerActor, bob: PeerActor) -> None:
        self._stage.tell(
            "alice",
            _(
                "Text: the first envelope opens a session. It carries a 384-byte RSA-OAEP block, a fresh secret that "
                "only bob's RSA-3072 key opens; X25519 and ML-KEM-768 add theirs, and all three make the key."
            ),
        )
        sent = await self._say(alice, bob, _("Hello Bob! Can the broker read this?"))
        self._stage.tell(
            "bob", _("Receipt: bob's device has stored the message and says so, encrypted like everything else.")
        )
        await alice.see(STEP_S, type="delivery", id=sent["id"], state="delivered")

    async def _answer(self, alice: PeerActor, bob: PeerActor) -> None:
        self._stage.tell(
            "bob", _("Answer: every message has a key of its own now (Double Ratchet), used once and deleted.")
        )
        sent = await self._say(bob, alice, _("No: a mailbox, a size and bytes like noise is all it sees."))
        await bob.see(STEP_S, type="delivery", id=sent["id"], state="delivered")

    async def _away_and_back(self, alice: PeerActor, bob: PeerActor, address: str) -> None:
        self._stage.tell("bob", _("Offline: bob's process ends. Alice writes; the broker keeps what it cannot read."))
        await bob.end()
        self._stage.show("bob", _("(offline)"))
        text = _("Read this when you are back.")
        sent = await self._send(alice, "bob", text)
        await alice.see(STEP_S, type="delivery", id=sent["id"], state="sent")
        self._stage.tell("bob", _("Return: a new process with the same keys fetches what waited."))
        back = await self._peer("bob", address)
        await back.see(STEP_S, type="message", text=text)
        await alice.see(STEP_S, type="delivery", id=sent["id"], state="delivered")

    def _end(self, seconds: float) -> None:
        self._stage.tell(
            "alice",
            _(
                "That took {seconds:.0f} s. The keys of this demo are gone. Your turn, in three terminals:\n"
                "python broker.py\npython peer.py --name alice\npython peer.py --name bob"
            ).format(seconds=seconds),
        )

    # --- steps -----------------------------------------------------------------------------------------------

    async def _say(self, sender: PeerActor, recipient: PeerActor, text: str) -> Event:
        sent = await self._send(sender, recipient.name, text)
        await recipient.see(STEP_S, type="message", text=text)
        return sent

    async def _send(self, sender: PeerActor, to: str, text: str) -> Event:
        self._stage.show(_place(sender), _("to {name}: {text}").format(name=to, text=text))
        sent = await sender.ask("send", STEP_S, to=to, text=text)
        self._texts[sent["id"]] = text
        return sent

    async def _peer(self, name: Place, address: str) -> PeerActor:
        flags = ["--name", name, "--json", "--broker", address, "--passphrase-file", str(self._folder / "passphrase")]
        process = await Actor.launch("peer", [*flags, *self._where()])
        peer = PeerActor(
            name,
            process,
            lambda line: self._show(name, views.screen_text(line)),
            lambda event: self._happened(name, event),
        )
        self._exits.push_async_callback(peer.end)
        return peer

    def _where(self) -> list[str]:
        return ["--config", str(self._folder / "config.yaml")]

    # --- columns ---------------------------------------------------------------------------------------------

    def _relayed(self, fields: list[str]) -> None:
        if len(fields) != 5:
            return
        _time, verb, mailbox, size, first = fields
        text = (
            _("{verb} {size} bytes {first}") if mailbox == "-" else _("{verb} mailbox {mailbox} {size} bytes {first}")
        )
        self._show("broker", text.format(verb=verb, mailbox=mailbox[:8], size=size, first=first))

    def _happened(self, place: Place, event: Event) -> None:
        text = self._sentence(event)
        if text:
            self._show(place, text)

    def _show(self, place: Place, text: str) -> None:
        """Show what a process said. That happens beside the scenes: a reader who left must end the one that waits."""
        try:
            self._stage.show(place, text)
        except OSError as error:
            if self._lost is None and self._playing is not None:
                self._lost = error
                self._playing.cancel()

    def _sentence(self, event: Event) -> str | None:
        match event["type"]:
            case "ready":
                return _("ready, fingerprint {fingerprint}").format(fingerprint=event["fingerprint"][:16])
            case "message":
                moment = datetime.fromisoformat(event["sent_at"]).astimezone()
                sender, text = views.screen_name(event["from"]), views.screen_text(event["text"])
                return f"{moment:%H:%M:%S} {sender}: {text}"
            case "delivery":
                text = views.screen_text(self._texts.get(event["id"], ""))
                return f"{sentences.state_word(event['state'])}: {text}"
            case "warning":
                return views.screen_text(event["message"])
            case _:
                return None


def _place(peer: PeerActor) -> Place:
    return "alice" if peer.name == "alice" else "bob"
