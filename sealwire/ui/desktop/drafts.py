"""What is written and not sent, by conversation."""

from __future__ import annotations

from msgspec.structs import replace

from sealwire.ui.desktop.station import Station


class Drafts:
    """Keeps drafts through a station; knows what is kept, because the list is read again only later."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._kept: dict[str, str] = {}

    def read(self, place: str, draft: str) -> bool:
        """A conversation was read with this draft; returns whether it changed elsewhere since it was kept here."""
        changed = self._kept.get(place) != draft
        self._kept[place] = draft
        return changed

    def keep(self, place: str, text: str) -> None:
        """Keep what is written in a conversation now, and show it in the list."""
        if not place or self._kept.get(place, "") == text:
            return
        self._kept[place] = text
        station = self._station

        def kept(_nothing: None) -> None:
            station.put(replace(station.desk, stale=station.desk.stale | {place}))

        station.ask(station.client.talk.set_draft(place, text), kept, lambda _error: None)

    def give_back(self, place: str, text: str) -> None:
        """A text could not be sent, and another conversation is open by now: it waits in its own."""
        self.keep(place, "\n".join(filter(None, (text, self._kept.get(place, "")))))
