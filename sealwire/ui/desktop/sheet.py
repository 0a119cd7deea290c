"""The style sheet: shapes and distances of the ordinary widgets, in the colours given. No Qt."""

from __future__ import annotations

from string import Template
from typing import Final

from sealwire.ui.desktop.colours import Colours

_SHEET: Final = Template("""
* { outline: none; }
QWidget { color: $text; }
QMainWindow, QDialog, QWidget#page { background: $window; }
QDialog { border: ${line_px}px solid $edge; }
QWidget#panel, QFrame#card { background: $panel; }
QFrame#card { border: ${line_px}px solid $line; border-radius: 12px; }
QFrame#card:focus { border: 2px solid $focus; }
QWidget#chat { background: $chat; }
QFrame#boxed { border: 1px solid $edge; border-radius: 8px; background: $panel; }
QFrame#boxed[reached="true"] { border: 2px solid $focus; }
QLabel { background: transparent; }
QLabel[role="title"] { font-size: ${title}pt; font-weight: 600; }
QLabel[role="heading"] { font-size: ${heading}pt; font-weight: 600; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="small"] { color: $muted; font-size: ${small}pt; }
QLabel[role="error"] { color: $danger; }
QLabel[role="good"] { color: $good; }
QLabel[role="digits"] { font-family: monospace; font-size: ${digits}pt; font-weight: 600; letter-spacing: 1px; }
QLabel[role="mono"] { font-family: monospace; }
QFrame#banner[kind="alert"] { background: $alert; border: ${line_px}px solid $line; border-radius: 8px; }
QFrame#banner[kind="alert"] QLabel { color: $alert_text; }
QFrame#banner[kind="calm"] { background: $calm; border: ${line_px}px solid $line; border-radius: 8px; }
QFrame#banner[kind="calm"] QLabel { color: $calm_text; }

QPushButton { background: $panel; color: $text; border: 1px solid $edge; border-radius: 8px; padding: 7px 16px; }
QPushButton:hover { background: $raised; }
QPushButton:pressed, QPushButton:checked { background: $chosen; color: $chosen_text; }
QPushButton:disabled { color: $muted; border-color: $line; }
QPushButton:focus { border: 2px solid $focus; padding: 6px 15px; }
QPushButton[kind="primary"] { background: $accent; color: $accent_text; border: 1px solid $accent; font-weight: 600; }
QPushButton[kind="primary"]:disabled { background: $raised; color: $muted; border-color: $line; }
QPushButton[kind="primary"]:focus { border: 2px solid $focus; }
QPushButton[kind="danger"] { background: $danger; color: $danger_text; border: 1px solid $danger; font-weight: 600; }
QPushButton[kind="danger"]:focus { border: 2px solid $focus; }
QPushButton[kind="link"] { background: transparent; color: $accent; border: 1px solid transparent; padding: 4px 6px; }
QPushButton[kind="link"]:focus { border: 2px solid $focus; padding: 3px 5px; }
QToolButton { background: transparent; border: 2px solid transparent; border-radius: 8px; padding: 4px; }
QToolButton:hover { background: $raised; }
QToolButton:checked { background: $chosen; color: $chosen_text; }
QToolButton:focus { border: 2px solid $focus; }
QToolButton::menu-indicator { image: none; }

QAbstractSpinBox QLineEdit, QAbstractSpinBox QLineEdit:focus { border: none; padding: 0; background: transparent; }
QLineEdit, QPlainTextEdit { placeholder-text-color: $muted; }
QWidget#areas { background: $line; }
QLineEdit, QPlainTextEdit, QTextEdit, QComboBox {
    background: $panel; color: $text; border: 1px solid $edge; border-radius: 8px; padding: 6px 9px;
    selection-background-color: $accent; selection-color: $accent_text; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus { border: 2px solid $focus; padding: 5px 8px; }
QLineEdit#search { background: $raised; border: 1px solid $line; border-radius: 16px; padding: 6px 12px; }
QLineEdit#search:focus { border: 2px solid $focus; padding: 5px 11px; }
QPlainTextEdit#composer { border-radius: 18px; padding: 7px 12px; }
QPlainTextEdit#composer:focus { padding: 6px 11px; }
QPlainTextEdit[role="mono"] { font-family: monospace; font-size: ${small}pt; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox QAbstractItemView { background: $panel; border: 1px solid $edge; selection-background-color: $chosen;
    selection-color: $chosen_text; }

QListView, QListWidget, QScrollArea, QTreeView { background: transparent; border: 2px solid transparent; }
QListView:focus, QListWidget:focus, QScrollArea:focus { border: 2px solid $focus; border-radius: 6px; }
QListWidget::item { padding: 8px 10px; border-radius: 8px; color: $text; }
QListWidget::item:selected { background: $chosen; color: $chosen_text; }
QListWidget::item:hover:!selected { background: $raised; }

QCheckBox::indicator, QListWidget::indicator { width: 16px; height: 16px; border: 1px solid $edge; border-radius: 4px;
    background: $panel; }
QCheckBox::indicator:checked, QListWidget::indicator:checked { background: $accent; border: 1px solid $accent;
    image: url($check); }
QCheckBox::indicator:disabled { background: $raised; border: 1px solid $line; }
QCheckBox, QRadioButton { spacing: 9px; padding: 4px 0; border: 2px solid transparent; border-radius: 6px; }
QCheckBox:focus, QRadioButton:focus { border: 2px solid $focus; }
QTabWidget::pane { border: none; }
QTabBar::tab { padding: 8px 14px; border: none; border-bottom: 3px solid transparent; color: $muted; }
QTabBar::tab:selected { color: $accent; border-bottom: 3px solid $accent; font-weight: 600; }
QTabBar:focus::tab:selected { border: 2px solid $focus; border-radius: 4px; }
QProgressBar { background: $raised; border: ${line_px}px solid $line; border-radius: 4px; max-height: 8px;
    min-height: 8px; }
QProgressBar::chunk { background: $accent; border-radius: 4px; }
QMenu { background: $panel; border: 1px solid $edge; border-radius: 8px; padding: 5px; }
QMenu::item { padding: 7px 26px 7px 12px; border-radius: 6px; }
QMenu::item:selected { background: $chosen; color: $chosen_text; }
QMenu::item:disabled { color: $muted; }
QMenu::icon { padding-left: 8px; }
QMenu::separator { height: 1px; background: $line; margin: 5px 8px; }
QToolTip { background: $panel; color: $text; border: 1px solid $edge; padding: 5px 8px; }
QSplitter::handle { background: $line; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QScrollBar::handle { background: $scroll; border-radius: 3px; margin: 2px; }
QScrollBar::handle:hover { background: $edge; }
QScrollBar::handle:vertical { min-height: 36px; }
QScrollBar::handle:horizontal { min-width: 36px; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page { background: none;
    border: none; width: 0; height: 0; }
""")


def sheet(colours: Colours, points: float, check: str = "") -> str:
    """Return the sheet for a look and a size of ordinary text; ``check``: the path of the sign in ticked boxes."""
    values = {name: getattr(colours, name) for name in colours.__struct_fields__}
    sizes = {"small": points * 0.86, "heading": points * 1.15, "title": points * 1.7, "digits": points * 1.45}
    return _SHEET.substitute(
        values, line_px=max(1, colours.outline), check=check, **{name: f"{size:.1f}" for name, size in sizes.items()}
    )
