"""Files between people: offered by a message, moved by somebody else, told about here. No I/O.

A file that is sent lies at the broker first, whole; then its message is queued like any other. What the mover tells
comes in by :meth:`Files.hear`, what it shall do stands in :attr:`Files.orders` and is taken after the commit.

Source: protocol.md §17.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from sealwire.crypto.attachments import HEADER_BYTES, Run, are_runs
from sealwire.crypto.primitives import Rng
from sealwire.errors import FileChangedError, GroupStoppedError, SealwireError, UnknownFileError
from sealwire.i18n import _, explain
from sealwire.ids import GROUP_MARK, MESSAGE_ID_BYTES, Mailbox, MessageId
from sealwire.peer.changes import Said
from sealwire.peer.events import Delivery, Event
from sealwire.peer.filebook import FileBook, offer_of
from sealwire.peer.filenames import clean
from sealwire.peer.filerecords import ACTIVE, FileRecord
from sealwire.peer.inbox import Arrival, Inbox, UnreadError
from sealwire.peer.mail import Mail
from sealwire.peer.media import IMAGES, shown
from sealwire.peer.moves import (
    Anew,
    DiscardPart,
    Downloaded,
    Dropped,
    EndMove,
    MoveFailed,
    News,
    Progressed,
    RunBegins,
    RunWanted,
    Uploaded,
    Waits,
)
from sealwire.peer.people import People
from sealwire.peer.prefs import Prefs
from sealwire.peer.receipts import Receipts
from sealwire.peer.records import Details, MessageRow, Now, Records
from sealwire.peer.roster import Roster
from sealwire.peer.timers import Timers
from sealwire.peer.words import Words
from sealwire.wire.file_content import MAX_FILE_RUNS, MAX_TAKEN_IDS, FileOffer, FileTaken, is_too_long

MAX_RESTARTS: Final = 5
"""Times a file is sent anew because its source is not what it was; then a person has to say so again."""


class Sending(NamedTuple):
    """A file as it is found when somebody sends it."""

    source: str
    name: str
    size: int
    mtime_ns: int
    media_type: str
    is_copy: bool = False


class Files:
    """What happens to the files of a profile; what is kept of them is the book's."""

    def __init__(
        self,
        name: str,
        records: Records,
        words: Words,
        inbox: Inbox,
        roster: Roster,
        mail: Mail,
        people: People,
        receipts: Receipts,
        timers: Timers,
        prefs: Prefs,
        rng: Rng,
        events: list[Event],
    ) -> None:
        self._name = name
        self._records = records
        self._words = words
        self._mail = mail
        self._people = people
        self._roster = roster
        self._receipts = receipts
        self._timers = timers
        self._prefs = prefs
        self._rng = rng
        self._events = events
        self._taken: dict[Mailbox, list[MessageId]] = {}
        self.book = FileBook(records, prefs, rng, events, people.is_accepted)
        words.contents["file"] = self._again
        words.on_withdrawn = self._withdrawn
        mail.on_answer = self.book.picture_all
        people.on_block = self.give_up_from
        inbox.on(FileOffer, self.on_offer, in_groups=True)
        inbox.on(FileTaken, self.on_taken)

    # --- sending ---------------------------------------------------------------------------------------------

    def send(
        self,
        conversation: str,
        sending: Sending,
        caption: str,
        now: Now,
        answers: str | None = None,
        forwarded: bool = False,
    ) -> MessageId:
        """Make a file's message durable and begin to move the file; the caller has checked names, length and trust.

        Raises:
            UnknownMessageError: ``answers`` names none.
        """
        reference = self._words.ref(conversation, answers) if answers is not None else None
        if conversation.startswith(GROUP_MARK):
            self._words.check_group(conversation)
        else:
            self._mail.accept(conversation, now)  # writing is an answer
        message = MessageId(self._rng(MESSAGE_ID_BYTES))
        details = Details(
            kind="file",
            answers=(reference.author, reference.id) if reference else None,
            forwarded=forwarded,
            timer_s=self._timers.seconds(conversation),
        )
        row = self._records.add_message(message, conversation, self._name, True, caption, now.ms, details)
        assert row is not None, "a random id is nobody's"
        file = FileRecord(
            row=row,
            message=message,
            mine=True,
            state="waiting",
            name=clean(sending.name),
            size=sending.size,
            media_type=sending.media_type,
            digest=None,
            **self.book.fresh_keys(),
            source=sending.source,
            mtime_ns=sending.mtime_ns,
            is_copy=sending.is_copy,
            is_pictured=sending.media_type not in IMAGES,
        )
        self.book.begin(file)
        self._words.tell(row, here=True)
        self.book.picture(file)
        return message

    def _offer(self, file: FileRecord, now: Now) -> None:
        """It is whole at the broker and its thumbnail is made, if it gets one: tell those it is for."""
        conversation, _author = self._records.file_conversation(file.row)
        content = self._content(file)
        own = self._records.own_row(file.message)
        if content is None or own is None or own.state != 0:  # its message was cancelled meanwhile
            self.book.drop(file, "cancelled")
            return
        if (refused := self._refusal(conversation)) is not None:
            self.book.drop(file, file.state)
            self._failed(file, refused, False)
            return
        members = self._words.group_members(conversation) if conversation.startswith(GROUP_MARK) else (conversation,)
        file.accounts = tuple(sorted(set(members) - {self._name}))
        self._mail.say(conversation, file.message, content, now)
        self.book.discard_copy(file)
        self.book.change(file, "done", done=file.size)

    def _refusal(self, conversation: str) -> SealwireError | None:
        """Why nothing more is said in a group that this file was for; one that only stopped may go on."""
        try:
            if conversation.startswith(GROUP_MARK):
                self._words.check_group(conversation)
        except GroupStoppedError:
            return None
        except SealwireError as error:
            return error
        return None

    def _content(self, file: FileRecord) -> FileOffer | None:
        own = self._records.own_row(file.message)
        return offer_of(file, own) if own is not None else None

    def _again(self, row: MessageRow) -> FileOffer | None:
        """A person tries a failed message again: its offer, or None when the file itself has to be sent first."""
        file = self._records.file(row.row)
        if file is None:
            return None
        if file.digest is not None and file.at_broker:
            return self._content(file)
        if file.source is not None and file.state == "failed":
            self._records.requeue(MessageId(row.id))
            self.book.resume(file)
        return None

    def _withdrawn(self, row: MessageRow) -> None:
        file = self._records.file(row.row)
        if file is not None:
            self.book.drop(file, "cancelled")

    # --- what arrives ----------------------------------------------------------------------------------------

    def on_offer(self, arrival: Arrival, offer: FileOffer) -> None:
        """Somebody offers a file. Raises UnreadError for one that cannot be."""
        runs = tuple(Run(run.first, run.header) for run in offer.runs)
        if is_too_long(offer) or not are_runs(runs, offer.size):
            raise UnreadError("malformed")
        plain, device = arrival.plain, arrival.pair.mailbox
        message = MessageId(plain.message_id)
        said = Said(arrival.conversation, arrival.author, message, plain.sent_at_ms, arrival.now, device)
        between_two = said.conversation == said.author
        if self._records.is_gone(said.conversation, said.author, said.id):
            return
        if between_two and not self._people.may_write(said.author):
            return
        is_answered = self._people.is_accepted(said.author)
        details = Details(
            kind="file",
            answers=(offer.answers.author, offer.answers.id) if offer.answers else None,
            forwarded=offer.forwarded,
            timer_s=offer.timer_s,
        )
        row = self._records.add_message(
            message, said.conversation, said.author, False, offer.caption, said.sent_at_ms, details
        )
        if not between_two or is_answered:  # a stranger hears nothing before an answer
            self._receipts.owe(device, said.author, "delivered", [message])
        if row is None:
            return
        file = self._received(row, message, offer, runs, device)
        if is_answered and offer.size <= self._prefs.fetch_files_up_to:
            file.state = "waiting"
            self.book.begin(file)
        self._records.put_file(file)
        self._words.stored(row, said)
        self.book.picture(file)

    def _received(
        self, row: int, message: MessageId, offer: FileOffer, runs: tuple[Run, ...], device: bytes
    ) -> FileRecord:
        return FileRecord(
            row=row,
            message=message,
            mine=False,
            state="offered",
            name=clean(offer.name),
            size=offer.size,
            media_type=shown(offer.media_type),
            digest=offer.digest,
            blob=offer.blob,
            secret=offer.secret,
            key=offer.key,
            runs=runs,
            tails=(b"",) * len(runs),
            width=offer.width,
            height=offer.height,
            offered=offer.thumbnail or None,
            is_pictured=not offer.thumbnail,
            device=device,
        )

    def on_taken(self, arrival: Arrival, taken: FileTaken) -> None:
        """A device has files of ours; when every device they were offered to has one, the broker need not keep it."""
        for message in taken.ids:
            for file in self._records.files_of(MessageId(message)):
                if file.mine and arrival.author in file.accounts:
                    file.taken |= {bytes(arrival.pair.mailbox)}
                    self._records.put_file(file)
                    if file.at_broker and self._is_with_all(file):
                        self.book.drop(file, file.state)

    def _is_with_all(self, file: FileRecord) -> bool:
        devices = [set(map(bytes, self._roster.mailboxes(account))) for account in file.accounts]
        return all(mailboxes and mailboxes <= file.taken for mailboxes in devices)

    # --- what the mover tells --------------------------------------------------------------------------------

    def hear_all(self, news: Sequence[News], now: Now) -> None:
        """Several things happened, in this order."""
        for one in news:
            self.hear(one, now)

    def hear(self, news: News, now: Now) -> None:
        """Something became of a file that moves, or of its thumbnail."""
        if isinstance(news, Dropped):
            self.book.dropped(news.row)
            return
        file = self._records.file(news.row)
        if file is None or (file.state not in ACTIVE and not isinstance(news, Downloaded | Uploaded)):
            if isinstance(news, RunWanted):
                self.book.orders.append(EndMove(news.row))
            return
        match news:
            case Progressed(done_bytes=done):
                self._progressed(file, done)
            case RunWanted(first=first, tail=tail):
                self._new_run(file, first, tail)
            case Waits():
                self.book.tell(file, _("The broker's disk is full; it is tried again."), file.done)
            case Anew():
                self._anew(file)
            case Uploaded(digest=digest):
                file.digest = digest
                self._records.put_file(file)
                if file.is_pictured:
                    self._offer(file, now)
            case Downloaded():
                self._fetched(file, news, now)
            case MoveFailed(error=error, forget=forget):
                self._failed(file, error, forget)

    def _progressed(self, file: FileRecord, done: int) -> None:
        moving = "sending" if file.mine else "receiving"
        if file.state != moving:
            file.state = "sending" if file.mine else "receiving"
            file.done = done
            self._records.put_file(file)
        self.book.tell(file, None, done)

    def _new_run(self, file: FileRecord, first: int, tail: bytes) -> None:
        kept = [(run, old) for run, old in zip(file.runs, file.tails) if run.first < first]
        if len(kept) >= MAX_FILE_RUNS:
            self.book.orders.append(EndMove(file.row))
            self._anew(file)
            return
        run = Run(first, self._rng(HEADER_BYTES))
        file.runs = (*(old for old, _ in kept), run)
        file.tails = (*(old for _, old in kept), tail)
        self._records.put_file(file)
        self.book.orders.append(RunBegins(file.row, run))

    def _anew(self, file: FileRecord) -> None:
        """What is at the broker is not what is here: another blob under other keys."""
        if file.restarts >= MAX_RESTARTS:
            self._failed(file, FileChangedError(file.source), False)
            return
        keys = self.book.fresh_keys()
        self.book.begin(replace(file, **keys, is_fresh=True, digest=None, restarts=file.restarts + 1))

    def _fetched(self, file: FileRecord, news: Downloaded, now: Now) -> None:
        file.path, file.media_type = news.path, news.media_type
        self.book.change(file, "done", done=file.size)
        self.book.orders.append(DiscardPart(file.row))
        _conversation, author = self._records.file_conversation(file.row)
        if file.device is not None and self._people.is_accepted(author):
            self._taken.setdefault(Mailbox(file.device), []).append(file.message)

    def _failed(self, file: FileRecord, error: SealwireError, forget: bool) -> None:
        reason, _hint = explain(error)
        if file.mine and isinstance(error, FileChangedError):  # what is there fits nothing any more, and fills a quota
            self.book.drop(file, file.state)
        if forget:
            self.book.orders.append(DiscardPart(file.row))
        self.book.change(file, "failed", reason=reason, done=0 if forget else file.done)
        if file.mine:
            conversation = self._records.fail(file.message, reason)
            if conversation is not None:
                self._events.append(Delivery(file.message.hex(), "failed", conversation, reason))

    def thumbnail_made(self, row: int, made: tuple[int, int, bytes] | None, now: Now) -> None:
        """A thumbnail was made, of our own image or of what somebody sent, or there will be none."""
        file = self._records.file(row)
        if file is None or file.is_pictured:
            return
        file.is_pictured, file.offered = True, None
        if made is not None:
            width, height, file.thumbnail = made
            if file.mine:
                file.width, file.height = width, height
        self._records.put_file(file)
        if file.mine and file.digest is not None and file.state in ACTIVE:
            self._offer(file, now)
        elif made is not None:
            self.book.tell(file, None, file.done)

    # --- what people ask -------------------------------------------------------------------------------------

    def fetch(self, message_id: str, target: str | None) -> FileRecord:
        """Get a file that was offered; one that is here already stays.

        Raises:
            UnknownFileError: no such file, or one of ours.
        """
        file = self.book.named(message_id)
        if file.mine:
            raise UnknownFileError(message_id)
        if file.state != "done" and not (file.state in ACTIVE and target in (None, file.target)):
            file.target = target
            self.book.resume(file)
        return file

    def pause(self, message_id: str) -> None:
        """Stop moving a file; what is here and there stays. Raises UnknownFileError."""
        file = self.book.named(message_id)
        if file.state in ACTIVE and not (file.mine and file.digest is not None):
            self.book.orders.append(EndMove(file.row))
            self.book.change(file, "paused")

    def resume(self, message_id: str) -> None:
        """Go on with a file that was paused, failed or cancelled. Raises UnknownFileError."""
        file = self.book.named(message_id)
        if file.state in ("paused", "failed") or (file.state in ("offered", "cancelled") and not file.mine):
            if file.mine and file.source is None:
                raise UnknownFileError(message_id)
            if file.mine:
                self._records.requeue(file.message)
            self.book.resume(file)

    def cancel(self, message_id: str) -> None:
        """Give a file up. Ours leaves the broker, so nobody gets it any more; of another's nothing stays here.

        Raises:
            UnknownFileError.
        """
        file = self.book.named(message_id)
        if file.mine:
            self.book.drop(file, "cancelled")
            reason = _("it was cancelled")
            conversation = self._records.fail(file.message, reason, cancelled=True)
            if conversation is not None:
                self._mail.withdraw(file.message)
                self._events.append(Delivery(file.message.hex(), "failed", conversation, reason))
        elif file.state != "done":
            self._give_up(file)

    def _give_up(self, file: FileRecord) -> None:
        self.book.orders += [EndMove(file.row), DiscardPart(file.row)]
        self.book.change(file, "cancelled", done=0)

    def give_up_from(self, name: str) -> None:
        """Somebody is blocked: what comes from them ends, and nothing of it stays here."""
        for file in self._records.files_moving():
            if not file.mine and self._records.file_conversation(file.row)[1] == name:
                self._give_up(file)

    # --- the end of a turn -----------------------------------------------------------------------------------

    def settle(self, now: Now) -> None:
        """Tell senders what is here; have taken away what is left of files whose messages are gone."""
        for device, messages in self._taken.items():
            for at in range(0, len(messages), MAX_TAKEN_IDS):
                self._mail.post(device, FileTaken(list(messages[at : at + MAX_TAKEN_IDS])), now)
        self._taken.clear()
        self.book.sweep()
