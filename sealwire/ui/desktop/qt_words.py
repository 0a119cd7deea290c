"""What Qt's own dialogs and menus say, for the languages that Qt has no words in (Hindi): ours."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTranslator

from sealwire.i18n import _, pgettext


def words() -> dict[str, str]:
    """Return Qt's English and ours: buttons, the dialogs for files, the menus of text fields."""
    return {
        "OK": _("OK"),
        "&OK": _("OK"),
        "Cancel": _("Cancel"),
        "Close": _("Close"),
        "Save": _("Save"),
        "&Save": _("Save"),
        "Open": _("Open"),
        "&Open": _("Open"),
        "&Choose": _("Choose"),
        "&Yes": _("Yes"),
        "&No": _("No"),
        "Look in:": _("Look in:"),
        "File &name:": _("File name:"),
        "Files of type:": _("Files of type:"),
        "Directory:": _("Folder:"),
        "Directory": _("Folder"),
        "Back": _("Back"),
        "Forward": pgettext("file dialog", "Forward"),
        "Parent Directory": _("Parent folder"),
        "Create New Folder": _("Create a folder"),
        "&New Folder": _("New folder"),
        "New Folder": _("New folder"),
        "List View": _("List"),
        "Detail View": _("Details"),
        "Show &hidden files": _("Show hidden files"),
        "Save As": _("Save as"),
        "All Files (*)": _("All files (*)"),
        "Name": _("Name"),
        "Size": _("Size"),
        "Type": _("Type"),
        "Date Modified": _("Changed"),
        "&Rename": _("Rename"),
        "&Delete": _("Delete"),
        "Delete": _("Delete"),
        "&Undo": _("Undo"),
        "&Redo": _("Redo"),
        "Cu&t": _("Cut"),
        "&Copy": _("Copy"),
        "&Paste": _("Paste"),
        "Select All": _("Select all"),
        "%1 already exists.\nDo you want to replace it?": _("%1 already exists.\nDo you want to replace it?"),
        "%1\nFile not found.\nPlease verify the correct file name was given.": _("%1\nThere is no such file."),
    }


class OwnWords(QTranslator):
    """Answers Qt from :func:`words`; what is not among them stays English."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._words = words()

    def translate(self, context: str, source: str, disambiguation: str | None = None, n: int = -1) -> str:
        """Return the text, or an empty one for Qt to go on."""
        return self._words.get(source, "")

    def isEmpty(self) -> bool:  # noqa: N802 - Qt's name
        """Never empty: Qt would not ask otherwise."""
        return False
