"""Files through two clients, a real broker and real sockets: the thread that moves, the thumbnails, the waits."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import time
from pathlib import Path

import pytest
from PIL import Image

from sealwire.broker.keyfiles import read_public
from sealwire.errors import (
    FileTooLargeError,
    FileUnreadableError,
    TargetExistsError,
    TextTooLongError,
    UnknownFileError,
    UsageError,
)
from sealwire.errors.words import MessageFailedError
from sealwire.peer.client import Client
from sealwire.peer.events import File, Message
from sealwire.peer.profile import Profile
from sealwire.testing.processes import Stage
from tests.conftest import PEOPLE

pytestmark = pytest.mark.process
PATIENCE_S = 60.0
LARGE = 6_000_000


@pytest.fixture(scope="module")
def stage():
    with Stage(people=PEOPLE, SEALWIRE_LIMITS__BLOB_FILE_BYTES="10 MiB") as running:
        yield running


class Person:
    """A client and everything it tells."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.events: list[object] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.client.events():
            self.events.append(event)

    async def until(self, found):
        """Wait for an event; returns it."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            for event in self.events:
                if found(event):
                    return event
            await self.client.turns.publisher.news(0.2)
        raise TimeoutError(self.events[-5:])

    async def message(self, message_id):
        return await self.until(lambda e: isinstance(e, Message) and e.id == message_id)

    async def file(self, message_id, state):
        return await self.until(lambda e: isinstance(e, File) and e.id == message_id and e.state == state)

    async def close(self) -> None:
        await self.client.close()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


async def person(stage, name) -> Person:
    key = read_public(stage.path / "keys" / "broker.pub")
    folder = stage.path / "data" / name
    profile = Profile(name, stage.address, key, "broker.pub", None, stage.path / "keys", folder, 8, 1)
    client = await Client.open(profile, b"", lambda _step: None)
    await client.start()
    await client.online(PATIENCE_S)
    return Person(client)


@contextlib.asynccontextmanager
async def friends(stage):
    """Alice and bob, who have answered each other."""
    alice, bob = await person(stage, "alice"), await person(stage, "bob")
    await alice.client.send_text("bob", "hello", "sent", PATIENCE_S)
    await bob.client.send_text("alice", "hello", "delivered", PATIENCE_S)
    try:
        yield alice, bob
    finally:
        await alice.close()
        await bob.close()


async def gone(check) -> None:
    """Wait for what another thread or process deletes; no event tells of it."""
    ends = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < ends
        await asyncio.sleep(0.02)


def made(stage, name, content) -> Path:
    path = stage.path / name
    path.write_bytes(content)
    return path


async def test_a_file_goes_from_one_to_the_other_with_its_progress_told_and_the_broker_left_empty(stage):
    content = os.urandom(LARGE)
    async with friends(stage) as (alice, bob):
        source = made(stage, "film.bin", content)
        sent = await alice.client.files.send("bob", source, caption="look", wait="delivered", timeout_s=PATIENCE_S)
        told = await bob.message(sent.id)
        assert (told.text, told.file.name, told.file.size_bytes) == ("look", "film.bin", LARGE)
        got = await bob.client.files.fetch(sent.id, timeout_s=PATIENCE_S)
        assert Path(got.path).read_bytes() == content
        assert Path(got.path).parent == stage.path / "data" / "bob" / "files"
        moves = [e.done_bytes for e in bob.events if isinstance(e, File) and e.id == sent.id]
        assert moves == sorted(moves)
        blobs = stage.path / "data" / "broker" / "blobs"
        await gone(lambda: not os.listdir(blobs))
        (listed,) = [one for one in await bob.client.files.of("alice") if one.id == sent.id]
        assert (listed.file.state, listed.file.path) == ("done", got.path)


async def test_a_small_image_comes_by_itself_with_a_thumbnail_made_here(stage):
    out = io.BytesIO()
    Image.effect_noise((640, 480), 40).convert("RGB").save(out, "JPEG")
    async with friends(stage) as (alice, bob):
        source = made(stage, "photo.jpg", out.getvalue())
        sent = await alice.client.files.send("bob", source, wait="sent", timeout_s=PATIENCE_S)
        await bob.file(sent.id, "done")
        ends = time.monotonic() + PATIENCE_S
        shown = None
        while (shown is None or shown.file.thumbnail is None) and time.monotonic() < ends:
            (shown,) = [one for one in await bob.client.files.of("alice") if one.id == sent.id]
            await bob.client.turns.publisher.news(0.1)
        assert (shown.file.width, shown.file.height, shown.file.media_type) == (640, 480, "image/jpeg")
        assert shown.file.thumbnail.startswith(b"\xff\xd8\xff")


async def test_a_process_that_ends_in_the_middle_goes_on_in_the_next_one(stage):
    content = os.urandom(LARGE)
    source = made(stage, "later.bin", content)
    async with friends(stage) as (alice, bob):
        sent = await alice.client.files.send("bob", source)
        await alice.until(lambda e: isinstance(e, File) and e.id == sent.id and e.done_bytes > 0)
        await alice.close()
        again = await person(stage, "alice")
        await again.file(sent.id, "done")
        await bob.message(sent.id)
        fetching = asyncio.create_task(bob.client.files.fetch(sent.id))
        await bob.until(lambda e: isinstance(e, File) and e.id == sent.id and e.done_bytes > 0)
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)
        await bob.close()
        bob = await person(stage, "bob")
        got = await bob.client.files.fetch(sent.id, timeout_s=PATIENCE_S)
        assert Path(got.path).read_bytes() == content
        await again.close()
        await bob.close()


async def test_a_file_can_be_put_anywhere_and_never_over_another(stage):
    async with friends(stage) as (alice, bob):
        source = made(stage, "two-mib.bin", os.urandom(2 << 20))
        sent = await alice.client.files.send("bob", source, wait="delivered", timeout_s=PATIENCE_S)
        place = stage.path / "place"
        place.mkdir()
        taken = made(stage, "taken", b"mine")
        with pytest.raises(TargetExistsError):
            await bob.client.files.fetch(sent.id, taken)
        got = await bob.client.files.fetch(sent.id, place / "here.bin", timeout_s=PATIENCE_S)
        assert got.path == str(place / "here.bin")
        again = await bob.client.files.fetch(sent.id, place)
        assert again.path == str(place / "two-mib.bin"), "where it was asked for, though it was here already"
        assert (place / "two-mib.bin").read_bytes() == source.read_bytes()
        with pytest.raises(TargetExistsError):
            await bob.client.files.save_copy(sent.id, taken)
        assert taken.read_bytes() == b"mine"


async def test_what_cannot_be_sent_or_fetched_is_refused_before_anything_is_queued(stage):
    async with friends(stage) as (alice, _bob):
        files, source = alice.client.files, made(stage, "ok.txt", b"ok")
        with pytest.raises(FileTooLargeError):
            await files.send("bob", made(stage, "large.bin", bytes(11 << 20)))
        for path in (stage.path / "nothing", stage.path):
            with pytest.raises(FileUnreadableError):
                await files.send("bob", path)
        with pytest.raises(TextTooLongError):
            await files.send("bob", source, caption="x" * 4_001)
        with pytest.raises(UnknownFileError):
            await files.fetch("00" * 16)
        sent = await files.send("bob", source, wait="sent", timeout_s=PATIENCE_S)
        for doing in (files.fetch(sent.id), files.pause("00" * 16), files.cancel("00" * 16)):
            with pytest.raises(UnknownFileError):
                await doing


async def test_a_file_that_is_paused_stands_still_until_it_is_resumed_and_a_cancelled_one_for_good(stage):
    async with friends(stage) as (alice, bob):
        source = made(stage, "paused.bin", os.urandom(LARGE))
        sent = await alice.client.files.send("bob", source)
        await alice.client.files.pause(sent.id)
        await alice.file(sent.id, "paused")
        with pytest.raises(UsageError):
            await alice.client.files.save_copy(sent.id, stage.path / "copy")
        await alice.client.files.resume(sent.id)
        await alice.file(sent.id, "done")
        await bob.message(sent.id)
        fetching = asyncio.create_task(bob.client.files.fetch(sent.id))
        await bob.until(lambda e: isinstance(e, File) and e.id == sent.id)
        await bob.client.files.cancel(sent.id)
        with pytest.raises(UsageError):
            await fetching
        await gone(lambda: not list((stage.path / "data" / "bob" / "files").glob("*.part")))


async def test_whoever_waits_for_what_is_given_up_hears_why(stage):
    """No broker refused it: it was taken back by a person."""
    async with friends(stage) as (alice, _bob):
        source = made(stage, "given-up.bin", os.urandom(LARGE))
        waiting = asyncio.create_task(alice.client.files.send("bob", source, wait="read", timeout_s=PATIENCE_S))
        told = await alice.until(lambda e: isinstance(e, Message) and e.file and e.file.name == "given-up.bin")
        await alice.client.files.cancel(told.id)
        with pytest.raises(MessageFailedError, match=r"^The message failed: it was cancelled\.$"):
            await waiting


async def test_a_copy_made_to_be_sent_is_gone_when_it_was(stage):
    async with friends(stage) as (alice, bob):
        path = await alice.client.files.spool()
        path.write_bytes(b"from standard input")
        sent = await alice.client.files.send("bob", path, name="log.txt", wait="sent", timeout_s=PATIENCE_S)
        told = await bob.message(sent.id)
        assert told.file.name == "log.txt"
        await gone(lambda: not path.exists())


async def test_a_file_is_forwarded_as_a_file_of_its_own(stage):
    async with friends(stage) as (alice, bob):
        source = made(stage, "minutes.txt", b"what was agreed")
        sent = await alice.client.files.send("bob", source, caption="the minutes")
        await bob.file(sent.id, "done")
        forwarded = await bob.client.talk.forward("alice", sent.id, "alice")
        await bob.client.talk.delete(
            "alice", sent.id, for_everyone=False
        )  # it goes, and its file, before this has left
        told = await alice.message(forwarded.id)
        assert (told.sender, told.forwarded, told.text) == ("bob", True, "the minutes")
        done = await alice.file(forwarded.id, "done")
        assert Path(done.path).read_bytes() == b"what was agreed"
        folder = stage.path / "data" / "bob" / "files"
        await gone(lambda: not list((folder / "out").iterdir()) and not (folder / "minutes.txt").exists())
        assert source.exists()
        again = await alice.client.talk.forward("bob", sent.id, "bob")  # one's own: from where it lies
        await bob.file(again.id, "done")
        with pytest.raises(UsageError, match="copy made to be sent"):
            await bob.client.talk.forward("alice", forwarded.id, "alice")


async def test_a_file_that_is_not_here_cannot_be_forwarded_yet(stage):
    async with friends(stage) as (alice, bob):
        source = made(stage, "large.bin", os.urandom(2 << 20))
        sent = await alice.client.files.send("bob", source, wait="sent", timeout_s=PATIENCE_S)
        await bob.message(sent.id)
        with pytest.raises(UsageError, match="fetch it first"):
            await bob.client.talk.forward("alice", sent.id, "alice")


async def test_what_lies_in_ones_own_folder_of_files_is_sent_and_stays(stage):
    async with friends(stage) as (alice, bob):
        sent = await alice.client.files.send("bob", made(stage, "kept.txt", b"kept"))
        path = Path((await bob.file(sent.id, "done")).path)
        back = await bob.client.files.send("alice", path, wait="delivered", timeout_s=PATIENCE_S)
        await alice.file(back.id, "done")
        again = await bob.client.files.send("alice", path)
        await bob.client.files.cancel(again.id)
        await bob.client.talk.delete("alice", back.id)
        assert await bob.client.settle(PATIENCE_S)
        await bob.close()
        bob = await person(stage, "bob")
        assert path.read_bytes() == b"kept"
        await bob.close()


async def test_settling_waits_for_files_too(stage):
    async with friends(stage) as (alice, bob):
        sent = await alice.client.files.send("bob", made(stage, "settle.bin", os.urandom(LARGE)))
        assert await alice.client.settle(PATIENCE_S)
        await bob.message(sent.id)


async def test_without_a_broker_a_file_waits_and_goes_out_when_there_is_one(stage):
    async with friends(stage) as (alice, bob):
        stage.broker.stop()
        sent = await alice.client.files.send("bob", made(stage, "offline.bin", os.urandom(100_000)))
        assert sent.state == "queued"
        stage.start_broker()
        await bob.file(sent.id, "done")
