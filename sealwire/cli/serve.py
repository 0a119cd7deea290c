"""A broker that serves: settings, keys, lock, admin socket and the relay itself, put together and taken apart."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import logging
import os
import secrets
import socket
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import apsw
import zmq

from sealwire import __version__, config, invite, localsocket, logs
from sealwire.broker import invites, keyfiles
from sealwire.broker.admin import ANSWER_TIMEOUT_S, LOCK, AdminServer, Request
from sealwire.broker.backup import Copying, reason_of
from sealwire.broker.port import AddInvite, BrokerSettings, Command, Status
from sealwire.broker.server import Server
from sealwire.broker.store import why
from sealwire.cli.broker_office import Office, invite_id
from sealwire.cli.common import EXIT_FAILED, EXIT_OK, say, say_bug
from sealwire.cli.descriptors import fitted, reach
from sealwire.cli.watch import Watcher
from sealwire.config import Settings
from sealwire.errors import (
    BackupError,
    BindError,
    BrokerBusyError,
    BrokerSilentError,
    NoAdminSocketError,
    SealwireError,
    StoreError,
    StoreFailedError,
    UsageError,
)
from sealwire.files import PidLock, make_private_folder
from sealwire.i18n import _, explain
from sealwire.invite import TOKEN_BYTES

if TYPE_CHECKING:
    from sealwire.cli.monitoring import Monitoring

DATABASE_NAME = "broker.db"

COPY_S = 2.0
"""How long a backup is copied before its administrator is told how far it is."""

ABANDONED_S = 30.0
"""A backup that nobody has asked for so long is let go: every page that changes would be written into it as well, for
as long as the broker lives, whether its file still has a name or not."""

OUTSIDE = ("192.0.2.1", 9)
"""An address of RFC 5737 that belongs to nobody: asked only which own address would be used; nothing is sent."""


_COLLECT: Final = (5_000, 20, 50)
"""When the garbage collector looks: Python's own 700 makes it look through all that waits for an ACK, all the time."""


def settle_down() -> None:
    """Take what will live as long as the broker out of the garbage collector's sight.

    A collection looks at every object: with 100,000 devices that is a pause of the loop that everybody feels. Messages
    leave by their reference counts; whatever forms a cycle from here on is still found. What the start left in cycles,
    a thousand objects, stays: to find it is a twelfth of the start.
    """
    gc.freeze()
    gc.set_threshold(*_COLLECT)


def broker_settings(settings: Settings) -> BrokerSettings:
    """Return the relay's limits: the settings of the same names."""
    given = {
        field.name: getattr(section, field.name)
        for section in (settings.broker, settings.limits)
        for field in dataclasses.fields(section)
    }
    return BrokerSettings(**given)


class Serving:
    """One broker, from the lock on its data folder to the last answer."""

    def __init__(self, settings: Settings, watch: bool, whole: bool = False) -> None:
        self._settings = settings
        self._watch = watch
        self._whole = whole
        self._folder = settings.paths.data / "broker"
        self._endpoint = settings.broker.bind
        self._started_at = time.monotonic()
        self._server: Server | None = None
        self._admin: AdminServer | None = None
        self._monitoring: Monitoring | None = None
        self._copying: Copying | None = None
        self._abandoning: threading.Timer | None = None
        self._stopped = False
        self._is_ready = False

    def run(self) -> int:
        """Serve until :meth:`stop`; returns the exit code.

        Raises:
            BrokerBusyError: another broker holds the data folder.
            BrokerKeyFileError: a key file that cannot be used.
            BindError: nothing can listen at that address.
        """
        make_private_folder(self._folder)
        lock = PidLock(self._folder / LOCK)
        holder = lock.acquire()
        if holder is not None:
            raise BrokerBusyError(pid=holder or "?", path=self._settings.paths.data)
        try:
            is_first = not (self._folder / DATABASE_NAME).exists()
            keys = keyfiles.load_or_create if is_first else keyfiles.load_existing
            self._keys = keys(self._settings.paths.keys)
            self._warn_if_public()
            return self._relay()
        finally:
            lock.release()

    def _relay(self) -> int:
        log = self._settings.log
        logger = logs.setup(log.level, log.format)
        listen = self._settings.metrics.listen
        if listen != "off":
            from sealwire.cli.monitoring import Monitoring  # prometheus-client: 100 ms that others do without

            self._monitoring = Monitoring(listen)
        metrics = None if self._monitoring is None else self._monitoring.metrics
        limits = fitted(broker_settings(self._settings))
        server = Server(limits, self._keys, self._folder, self._ready, logger, metrics)
        watcher = Watcher(whole=self._whole) if self._watch else None
        if watcher is not None:
            server.watch(watcher.see)
        self._server = server
        try:
            if not self._stopped:
                server.run()
            return EXIT_OK
        except Exception as error:  # noqa: BLE001 - whatever ends a broker, it has one of the exit codes for that
            return self._ended_by(error, logger)
        finally:
            for asked in (self._admin, self._monitoring):
                if asked is not None:
                    asked.close()
            if self._abandoning is not None:
                self._abandoning.cancel()
            if watcher is not None:
                watcher.close()

    def _ended_by(self, error: Exception, logger: logging.Logger) -> int:
        """Before the broker serves it is a start that does not work; from then on a failure, whatever kind it is of.

        Starting it again mends the one as little as the other is mended by anything else.
        """
        if isinstance(error, StoreFailedError) and not self._is_ready:
            raise StoreError(**error.params) from error  # what is damaged does not mend by starting again
        if isinstance(error, SealwireError) and (error.exit == EXIT_FAILED or not self._is_ready):
            raise error
        if isinstance(error, zmq.ZMQError) and not self._is_ready:
            raise BindError(address=self._settings.broker.bind, reason=zmq.strerror(error.errno or 0)) from error
        logger.error("the broker stops", exc_info=error)  # a supervisor's journal keeps where; people get a sentence
        if not self._is_ready:
            raise error
        say_bug(error)
        return EXIT_FAILED

    def stop(self) -> None:
        """End cleanly; safe in a signal handler, before the start as well."""
        self._stopped = True
        _tell_systemd("STOPPING=1")
        if self._server is not None:
            self._server.stop()

    def _warn_if_public(self) -> None:
        broker = self._settings.broker
        if broker.registration == "open" and config.is_public(broker.bind):
            say(
                _(
                    "WARNING: {bind} can be reached from other machines and registration is open: anybody who can "
                    "connect can register. Set broker.registration to invite unless you mean it."
                ).format(bind=broker.bind),
                logging.WARNING,
            )

    def _ready(self, endpoint: str) -> None:
        """The relay listens: administrators first, so that whoever waited for the line can ask at once."""
        self._endpoint = invites.plain_endpoint(endpoint)
        settle_down()
        office = Office(self._folder, self._submit, reach)
        handlers = {
            "status": self._answer_status,
            "invite": office.audited("invite", self._answer_invite),
            **office.handlers(),
            "backup": self._answer_backup,
            "backup end": self._answer_backup_end,
            "stop": office.audited("stop", self._answer_stop),
        }
        if localsocket.is_possible():
            self._admin = AdminServer(self._folder, handlers)
        else:
            say(explain(NoAdminSocketError())[0])
        if self._monitoring is not None and self._server is not None:
            self._monitoring.start(self._server)
        self._is_ready = True
        say(f"sealwire broker ready on {self._endpoint}")
        _tell_systemd("READY=1")

    # --- administrators, asked in the admin thread -----------------------------------------------------------

    def _submit(self, command: Command) -> Any:
        assert self._server is not None
        try:
            return self._server.submit(command).result(ANSWER_TIMEOUT_S - 1)
        except (TimeoutError, CancelledError):
            raise BrokerSilentError() from None

    def _answer_status(self, _request: Request) -> dict[str, Any]:
        own = {
            "version": __version__,
            "pid": os.getpid(),
            "listening_on": self._endpoint,
            "registration": self._settings.broker.registration,
            "uptime_s": int(time.monotonic() - self._started_at),
        }
        return {"status": {**own, **self._submit(Status())}}

    def _answer_invite(self, request: Request) -> dict[str, Any]:
        uses, days = _bounded(request["uses"], invites.MAX_USES), _bounded(request["days"], invites.MAX_DAYS)
        registration = self._settings.broker.registration
        if registration == "closed":
            raise UsageError(_("Registration is closed: an invite would let nobody in."))
        address, notes = self._advertised()
        token = None if registration == "open" else secrets.token_bytes(TOKEN_BYTES)
        expires_ms = named = None
        if token is None:
            notes.append(_("Registration is open, so this line has no token: it only saves typing."))
        else:
            expires_ms = invites.expires_at(time.time_ns() // 1_000_000, days)
            token_hash = invites.hash_of(token)
            named = invite_id(token_hash)
            result = self._submit(AddInvite(None, token_hash, uses, expires_ms))
            if result.outcome != "done":
                raise StoreError(path=self._folder, detail=_("the invite could not be stored"))
        line = invite.encode(invites.invite_for(address, self._keys.curve_public, token))
        return {"invite": line, "id": named, "notes": notes, "expires_ms": expires_ms}

    def _answer_stop(self, _request: Request) -> dict[str, Any]:
        self.stop()
        return {}

    def _answer_backup(self, request: Request) -> dict[str, Any]:
        """Copy for a while; the administrator asks until it is done, and messages go on between the steps."""
        assert self._server is not None
        path, until = Path(str(request["file"])), time.monotonic() + COPY_S
        if self._abandoning is not None:
            self._abandoning.cancel()
        if request["begin"]:
            self._let_go()
            self._copying = Copying(path, self._keys.db_key)
        copying, is_done = self._copying, False
        if copying is None or copying.path != path:
            raise BackupError(path=path, detail="another backup was begun meanwhile, or nobody asked for this one")
        try:
            while not is_done and time.monotonic() < until:
                is_done = self._server.errand(copying.step).result(ANSWER_TIMEOUT_S - COPY_S - 1)
        except apsw.CorruptError as error:
            self._let_go()
            raise StoreError(path=self._folder / DATABASE_NAME, **why(error)) from error
        except (apsw.Error, OSError) as error:
            self._let_go()
            raise BackupError(path=copying.path, detail=reason_of(error)) from error
        except (TimeoutError, CancelledError):
            self._let_go()
            raise BrokerSilentError() from None
        if not is_done:
            self._abandoning = threading.Timer(ABANDONED_S, self._let_go)
            self._abandoning.daemon = True
            self._abandoning.start()
        return {"done": is_done, "pages_left": copying.pages_left}

    def _answer_backup_end(self, request: Request) -> dict[str, Any]:
        """Whoever began a copy was told to stop."""
        if self._copying is not None and str(self._copying.path) == request["file"]:
            self._let_go()
        return {}

    def _let_go(self) -> None:
        """End the copy under way, if any, in the thread of the store it copies."""
        left, self._copying = self._copying, None
        if left is not None and self._server is not None:
            self._server.errand(lambda _db: left.discard())

    def _advertised(self) -> tuple[str, list[str]]:
        """Return HOST:PORT for invites, and what to tell the administrator about it."""
        public = self._settings.broker.public_address
        if public:
            return public, []
        host, port = invites.split_address(self._endpoint)
        notes = []
        if invites.is_wildcard(host):
            host = _own_address()
            notes.append(
                _(
                    "The broker listens on every address; this line names {host}. "
                    "Set broker.public_address to the name that others use."
                ).format(host=host)
            )
        elif not config.is_public(self._endpoint):
            notes.append(_("The broker listens on {host} only: this line works on this machine.").format(host=host))
        return invites.join_address(host, port), notes


def _bounded(value: object, most: int) -> int:
    if not isinstance(value, int) or not 1 <= value <= most:
        raise ValueError("out of range")
    return value


def _tell_systemd(state: str) -> None:
    """Tell the service manager, where there is one (sd_notify(3)): ``Type=notify`` waits for it."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(state.encode(), path.replace("@", "\0", 1) if path.startswith("@") else path)


def _own_address() -> str:
    """Return the address by which this machine would reach others, ``localhost`` when it has none."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(OUTSIDE)
        host = str(sock.getsockname()[0])
        return host if not host.startswith("127.") else "localhost"
    return "localhost"
