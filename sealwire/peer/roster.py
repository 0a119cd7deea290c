"""The roster: who we know, by which account key, on which devices, and how far that is trusted.

Trust on first use, then loud: the first key seen for a name is pinned, and another key stops everything towards that
name until a person decides. The directory is only ever believed as far as the account key signed its answer.

Source: protocol.md §6, §7, §13.
"""

from __future__ import annotations

from typing import Final

import msgspec

from sealwire.crypto.card import DeviceList, SignedCard, SignedDeviceList, account_fingerprint
from sealwire.crypto.prekeys import Bundle
from sealwire.errors import IntegrityError, RefusedError, RemoteProtocolError
from sealwire.i18n import _
from sealwire.ids import MAILBOX_BYTES, Mailbox, Millis
from sealwire.peer.events import Contact, Event, Warning
from sealwire.peer.records import ContactRecord, Records
from sealwire.wire.control import LookupBody

RECHECK_AFTER_MS: Final = 24 * 3600 * 1000
"""A device list this old is asked for again while messages go on: new devices and changed keys become visible."""


_ABSENT: Final = bytes(MAILBOX_BYTES)
"""What the directory says of a listed device that is not registered there (yet)."""


class _Known(msgspec.Struct, array_like=True):
    """A contact's verified device list with the mailbox the directory gives for each device."""

    signed: bytes
    mailboxes: list[bytes]


_encode_known = msgspec.msgpack.Encoder().encode
_decode_known = msgspec.msgpack.Decoder(_Known).decode


class Roster:
    """Contacts and their pinned keys."""

    def __init__(self, records: Records, realm: str, own_name: str) -> None:
        self._records = records
        self._realm = realm
        self._own_name = own_name
        self._contacts = {contact.name: contact for contact in records.contacts()}
        self._owners: dict[Mailbox, str] | None = None  # both follow from the contacts; a message to many asks each
        self._listed: dict[str, tuple[bytes, DeviceList]] = {}
        self.edition = 0
        """Grows with every change: what follows from the contacts holds as long as it stays."""

    def find(self, name: str) -> ContactRecord | None:
        """A contact by account name."""
        return self._contacts.get(name)

    def all(self) -> list[ContactRecord]:
        """Every contact, by name."""
        return [self._contacts[name] for name in sorted(self._contacts)]

    def blocked(self, name: str) -> bool:
        """Whether a changed key waits for a person's decision."""
        contact = self._contacts.get(name)
        return contact is not None and contact.trust == "changed"

    def stale(self, name: str, now_ms: Millis) -> bool:
        """Whether the directory should be asked again."""
        contact = self._contacts.get(name)
        return contact is None or contact.devices is None or now_ms - contact.checked_ms > RECHECK_AFTER_MS

    def mailboxes(self, name: str) -> list[Mailbox]:
        """The contact's devices, as far as known."""
        contact = self._contacts.get(name)
        if contact is None or contact.devices is None:
            return []
        return [Mailbox(mailbox) for mailbox in _decode_known(contact.devices).mailboxes if mailbox != _ABSENT]

    def owner(self, mailbox: Mailbox) -> str | None:
        """The account that a device belongs to, by the pinned lists."""
        if self._owners is None:
            self._owners = {owned: name for name in reversed(self._contacts) for owned in self.mailboxes(name)}
        return self._owners.get(mailbox)

    def take_list(self, name: str, body: LookupBody, now_ms: Millis) -> list[Event]:
        """Take the directory's answer about an account.

        Returns:
            What people should know: a new contact, or a changed key.

        Raises:
            IntegrityError: the list is not signed by the key it names, is of another account or realm, or is older
                than one seen before.

        Source: protocol.md §7.
        """
        signed = self._checked(name, body)
        listed = signed.devices
        contact = self._contacts.get(name)
        known = _encode_known(_Known(signed.encode(), list(body.mailboxes)))
        if contact is None:
            contact = ContactRecord(name, listed.n_sign, "unverified", now_ms, devices=known, checked_ms=now_ms)
            self._put(contact)
            return [contact_event(contact)]
        if contact.account_key != listed.n_sign:
            return self._changed(contact, listed.n_sign, known, now_ms)
        if contact.trust == "changed":
            return []  # the old key answers again while a decision waits: the person decides, not the directory
        if contact.devices is not None and _list_of(contact.devices).version > listed.version:
            raise IntegrityError(name=name, detail="an older device list than the one seen before")
        contact.devices, contact.checked_ms = known, now_ms
        self._put(contact)
        return []

    def _checked(self, name: str, body: LookupBody) -> SignedDeviceList:
        try:
            signed = SignedDeviceList(DeviceList.decode(body.devices), body.signature)
            signed.verify()
        except (RemoteProtocolError, RefusedError) as error:
            raise IntegrityError(name=name, detail="the signature of the device list is wrong") from error
        listed = signed.devices
        if (listed.realm, listed.account) != (self._realm, name):
            raise IntegrityError(name=name, detail="the device list is of another account")
        if len(body.mailboxes) != len(listed.devices) or not listed.devices:
            raise IntegrityError(name=name, detail="the device list is empty or does not match its mailboxes")
        if any(self._is_elsewhere(Mailbox(mailbox), name) for mailbox in body.mailboxes):
            raise IntegrityError(name=name, detail="it names a device of somebody else")
        return signed

    def _is_elsewhere(self, mailbox: Mailbox, name: str) -> bool:
        """Whether a mailbox is known as another account's: the list is signed, the mailboxes beside it are not."""
        device = self._records.device(mailbox)
        owner = device.account if device is not None else self.owner(mailbox)
        return owner is not None and owner != name

    def _changed(self, contact: ContactRecord, new_key: bytes, known: bytes, now_ms: Millis) -> list[Event]:
        if contact.trust == "changed" and contact.new_account_key == new_key:
            return []
        contact.trust = "changed"
        contact.changed_ms = now_ms
        contact.new_account_key = new_key
        self._records.put(_waiting_list(contact.name), known)
        self._put(contact)
        text = _(
            "The key of {name} has changed. They may have a new device or set-up, or someone is in between. "
            "Nothing is sent until you decide: compare the safety number (verify {name}), then approve {name}."
        )
        return [contact_event(contact), Warning("key-changed", text.format(name=contact.name), contact.name)]

    def check_bundle(self, name: str, mailbox: Mailbox, bundle: Bundle) -> None:
        """Hold a bundle against what the account signed.

        Raises:
            IntegrityError: wrong mailbox, bad signature, another account, or a device the account does not list.

        Source: protocol.md §8.
        """
        try:
            bundle.verify(mailbox)
        except (RefusedError, RemoteProtocolError) as error:
            raise IntegrityError(name=name, detail="the signatures of the bundle are wrong") from error
        if bundle.card.card.account != name or not self.lists(bundle.card):
            raise IntegrityError(name=name, detail="the bundle is of a device that the account does not list")

    def lists(self, signed: SignedCard) -> bool:
        """Whether the account's pinned, signed list names exactly this card."""
        contact = self._contacts.get(signed.card.account)
        if contact is None or contact.devices is None or contact.account_key != signed.card.n_sign:
            return False
        return self._list_of(contact.name, contact.devices).lists(signed.card)

    def may_list(self, name: str, card_hash: bytes) -> bool:
        """Whether an account may have a device of this card: its list names it, or was not asked for yet."""
        contact = self._contacts.get(name)
        if contact is None or contact.devices is None:
            return True
        listed = self._list_of(name, contact.devices).devices
        return any(known == card_hash for _device, known in listed)

    def contradicts(self, name: str, fingerprint: bytes) -> bool:
        """Whether what is pinned here for a name is another account key than that of this fingerprint."""
        contact = self._contacts.get(name)
        if contact is None:
            return False
        return contact.trust == "changed" or account_fingerprint(contact.account_key) != fingerprint

    def _list_of(self, name: str, known: bytes) -> DeviceList:
        kept = self._listed.get(name)
        if kept is None or kept[0] is not known:
            kept = self._listed[name] = (known, _list_of(known))
        return kept[1]

    def set_verified(self, name: str, verified: bool) -> ContactRecord:
        """A person compared the safety number. The contact exists and is not ``changed`` (``trust`` has looked)."""
        contact = self._contacts[name]
        contact.trust = "verified" if verified else "unverified"
        self._put(contact)
        return contact

    def approve(self, name: str, now_ms: Millis) -> ContactRecord:
        """A person accepts the changed key: it is pinned in place of the old one, unverified."""
        contact = self._contacts[name]
        if contact.trust == "changed" and contact.new_account_key is not None:
            contact.account_key = contact.new_account_key
            contact.devices = self._records.get(_waiting_list(name))
            contact.new_account_key = None
            contact.trust = "unverified"
            contact.checked_ms = now_ms
            self._put(contact)
        return contact

    def _put(self, contact: ContactRecord) -> None:
        self._contacts[contact.name] = contact
        self._owners = None
        self.edition += 1
        self._records.put_contact(contact)


def contact_event(contact: ContactRecord) -> Contact:
    """The event that shows a contact; for a changed one, the new key's fingerprint."""
    key = contact.new_account_key or contact.account_key
    return Contact(contact.name, account_fingerprint(key).hex(), contact.trust)


def _list_of(known: bytes) -> DeviceList:
    return SignedDeviceList.decode(_decode_known(known).signed).devices


def _waiting_list(name: str) -> str:
    return f"changed:{name}"
