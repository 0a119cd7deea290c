"""Take HTTP POSTs on loopback and pass each on as a message.

    python examples/webhook_bridge.py --name hooks --port 8642
    curl -d 'deployed 4.2' http://127.0.0.1:8642/alice

202 means that the message is durable here and goes out by itself; 404 that nobody has that name.
"""

from __future__ import annotations

import argparse
import asyncio
import threading
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sealwire import connect
from sealwire.errors import SealwireError, UnknownPeerError

MAX_BODY_BYTES = 15_000
PATIENCE_S = 15.0

Take = Callable[[str, bytes], Awaitable[None]]
"""Takes a path without its slash and a body; raises SealwireError."""


def serve(port: int, take: Take, loop: asyncio.AbstractEventLoop) -> ThreadingHTTPServer:
    """Serve on loopback in a thread of its own, handing each POST to ``take`` in ``loop``."""

    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE_S

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            if size > MAX_BODY_BYTES * 10:
                self.answer(413, "too large")
                return
            body = self.rfile.read(size)
            try:
                asyncio.run_coroutine_threadsafe(take(self.path.strip("/"), body), loop).result(PATIENCE_S)
            except UnknownPeerError as error:
                self.answer(404, str(error))
            except (SealwireError, ValueError) as error:
                self.answer(422, str(error))
            except TimeoutError:
                self.answer(503, "busy")
            else:
                self.answer(202, "queued")

        def answer(self, status: int, text: str) -> None:
            content = (text + "\n").encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: what is passed on is nobody else's business."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server


async def bridge(name: str, port: int) -> None:
    """Pass on until cancelled."""
    async with connect(name) as peer:

        async def take(to: str, body: bytes) -> None:
            await peer.send(to, body.decode("utf-8", "replace").rstrip("\n"), wait="queued")

        server = serve(port, take, asyncio.get_running_loop())
        print(f"listening on http://127.0.0.1:{server.server_port}/NAME", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            server.shutdown()
            server.server_close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="hooks")
    parser.add_argument("--port", type=int, default=8642)
    chosen = parser.parse_args()
    try:
        asyncio.run(bridge(chosen.name, chosen.port))
    except KeyboardInterrupt:
        pass
