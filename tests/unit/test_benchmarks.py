"""The benchmarks start, say how they are used, and write a table that can be read."""

from __future__ import annotations

import importlib
import os
import random
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

import pytest
from nacl.bindings import crypto_sign
from zmq.utils import z85

from benchmarks import clients, figures, peers, plots
from benchmarks.hostile.gaps import merged, outside
from benchmarks.hostile.ratios import Pool, ratio
from benchmarks.rivals import KEYS, common, load, mosquitto, nats, prosody, rabbitmq, rival
from sealwire.crypto.identity import login_transcript, realm_of
from sealwire.crypto.primitives import L
from sealwire.wire import control, frames
from tests.unit.broker.raw_peer import member

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for file in ROOT.glob("benchmarks/*.py")
    if file.stem not in ("__init__", "clients", "figures")
)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_benchmark_says_how_it_is_used(program, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [program, "--help"])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(program).main()
    assert ended.value.code == 0
    assert "usage" in capsys.readouterr().out


@pytest.mark.process
def test_quick_run_puts_a_table_between_the_markers(tmp_path):
    file = tmp_path / "performance.md"
    file.write_text(f"# Before\n{peers.BEGIN}\nold\n{peers.END}\nAfter\n")
    done = run("benchmarks.peers", "--quick", "--report", str(file))
    assert done.returncode == 0, done.stderr
    text = file.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("\nAfter\n")
    assert "\nold\n" not in text
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    assert [row[0].strip() for row in rows if len(row) == 3][2:] == [
        "broker CPU a message, µs",
        "p99 delivered at half load, ms",
        "p99 accepted at half load, ms",
    ]
    table = [row for row in rows if len(row) != 3]
    assert [len(row) for row in table] == [len(peers.HEAD)] * 4
    assert [row[0].strip() for row in table[2:]] == ["Sealwire", "bare ROUTER"]
    assert ("Client: C over libzmq5" in text) == (clients.build("ours", tmp_path) is not None)
    assert all(row[peers.HEAD.index("client")].strip() in ("C", "Python") for row in table[2:])
    for row in table[2:]:
        assert all(re.fullmatch(r"[\d,.]+ *|C *|Python", cell) for cell in row[1:]), row
    for name in ("rate", "cpu_us"):
        ElementTree.parse(tmp_path / "plots" / f"beside-{name}.svg")


def test_report_without_markers_gains_a_section_and_keeps_the_rest():
    text = figures.replaced("# Performance\nmine\n", "some.figures", "new", "Mine")
    assert text.startswith("# Performance\nmine\n")
    assert text.count("## Mine") == 1
    assert figures.replaced(text, "some.figures", "newer", "Mine") == text.replace("new", "newer")


@pytest.mark.parametrize("key", KEYS)
def test_every_rival_says_what_it_promises_and_how_it_is_loaded(key):
    module = rival(key)
    assert module.NAME
    assert module.CLIENT
    assert module.DURABILITY
    assert callable(module.missing)
    assert callable(module.running)


def test_bars_are_scaled_to_the_longest_and_escaped():
    text = plots.bars("a < b", {"one": [("Sealwire", 2.0), ("other", 1.0)]})
    drawn = ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}rect")
    widths = [int(bar.get("width")) for bar in list(drawn)[1:]]
    assert widths == [plots.BAR, plots.BAR // 2]


def test_stamp_is_the_time_and_fills_the_size():
    body = load.stamp(12.5, 256)
    assert len(body) == 256
    assert int(body[: load.STAMP], 16) == 12_500_000_000


class Fed(common.Stream):
    """A stream that hears what a test says, in the pieces it says."""

    def __init__(self, *pieces: bytes) -> None:
        self.unread, self.unsent, self.pieces = b"", bytearray(), list(pieces)

    def read(self) -> bytes:
        heard, self.unread = self.unread + (self.pieces.pop(0) if self.pieces else b""), b""
        return heard

    def flush(self) -> None:
        """Keep what would be sent."""


def pieces_of(data: bytes) -> list[bytes]:
    return [data[:7], data[7:40], data[40:]]


def subscriber(module, data: bytes):
    made = object.__new__(module.Subscriber)
    made.stream, made.taken = Fed(*pieces_of(data)), 0
    return made


BODY = b"0123456789abcdef" + b"." * 300
CASES = {
    mosquitto: mosquitto.packet(0x32, mosquitto.text("t/0") + b"\x00\x01" + BODY),
    nats: b"MSG _INBOX.c 1 $JS.ACK.x %d\r\n%s\r\n" % (len(BODY), BODY),
    rabbitmq: b"\x01\x00\x01\x00\x00\x00\x04\x00\x3c\x00\x3c\xce\x03\x00\x01%s%s\xce"
    % (len(BODY).to_bytes(4, "big"), BODY),
    prosody: b"<message from='a'><body>%s</body></message><r xmlns='urn:xmpp:sm:3'/>" % BODY,
}


@pytest.mark.parametrize("module", CASES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_deliveries_are_found_and_acknowledged_however_the_bytes_are_cut(module):
    made = subscriber(module, CASES[module] * 3)
    bodies = [body for _ in range(4) for body in made.take()]
    assert bodies == [BODY] * 3
    assert made.stream.unread == b""
    assert made.stream.unsent


def test_cpu_and_memory_of_a_process_are_read():
    assert common.cpu_s(os.getpid()) > 0
    assert common.rss_mib(os.getpid()) > 1
    assert os.getpid() in common.tree(os.getpid())


def test_server_that_does_not_start_is_named_with_its_words(tmp_path):
    with (
        common.child([sys.executable, "-c", "raise SystemExit('no such luck')"], tmp_path) as process,
        pytest.raises(RuntimeError, match="no such luck"),
    ):
        common.wait_for_port(common.free_port(), process, tmp_path)


def test_the_login_form_for_clients_in_c_is_the_login_that_the_broker_expects():
    curve = bytes(range(32))
    server = common.Server(1, "", {"endpoint": "tcp://127.0.0.1:1", "curve": curve.hex(), "delay": 0.0})
    lines = dict(line.split(" ", 1) for line in clients.facts_for("ours", server, "t0", 1).lines)
    told = {name: bytes.fromhex(lines[f"bob.{name}.0"]) for name in ("token", "hello", "before", "between", "sign")}
    nonce, challenge = bytes(32), b"any CHALLENGE"
    signed = told["before"] + nonce + told["between"] + sha256(challenge).digest()
    mine = control.decode_hello(told["hello"])
    own = z85.decode(lines["bob.public.0"])
    token = frames.Token(told["token"])
    expected = login_transcript(realm_of(curve), curve, own, mine.nonce, nonce, token, told["hello"], challenge)
    assert signed == L("login", expected)
    signature = crypto_sign(signed, told["sign"])[:64]
    form = bytes.fromhex(lines["bob.login.0"])
    at = int(lines["bob.signature_at.0"])
    decoded_token, login = control.decode_login(form[:at] + signature + form[at + 64 :])
    assert decoded_token == token
    assert login.signature == member("bob-t0-0", curve).device.login_signature(expected)


@pytest.mark.parametrize("key", KEYS)
def test_a_client_in_c_compiles_wherever_its_library_is(key, tmp_path):
    program = clients.build(key, tmp_path)
    if program is None:
        pytest.skip("no gcc, or the library's headers are not installed")
    done = subprocess.run([program], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 1
    assert "usage" in done.stderr


# --- what an attack does to others ---------------------------------------------------------------------------


def stretches(dice, count, slower=1.0):
    """Delays of some stretches of time; in each the machine is another one."""
    found = []
    for _ in range(count):
        machine = dice.uniform(0.5, 3.0)
        without, with_it = ([machine * dice.expovariate(1.0) for _ in range(400)] for _ in range(2))
        found.append((without, [slower * delay for delay in with_it]))
    return found


def test_a_percentile_of_any_choice_of_stretches_is_that_of_their_samples():
    pool = Pool([[float(number) for number in range(100)], [1000.0] * 100])
    assert pool.percentile(0.9, [1, 0]) == 89.0
    assert pool.percentile(0.5, [1, 1]) == 99.0
    assert pool.percentile(0.6, [3, 1]) == 79.0
    with pytest.raises(ValueError, match="no samples"):
        Pool([[]]).percentile(0.99, [1])


@pytest.mark.parametrize(("slower", "verdict"), [(0.5, "yes"), (1.0, "not sure"), (2.0, "no")])
def test_a_ratio_says_what_chance_may_have_done_to_it(slower, verdict):
    found = ratio(stretches(random.Random(7), 12, slower))
    assert found.low < found.value < found.high
    assert found.low < slower < found.high
    assert found.stays_within(0.1) == verdict


def test_what_became_due_in_a_gap_is_left_out_however_long_it_took():
    spans = merged([(1.0, 1.5), (1.4, 2.0), (3.0, 3.1)])
    assert spans == [(1.0, 2.0), (3.0, 3.1)]
    samples = [(0.9, 500.0), (1.0, 1.0), (1.7, 900.0), (2.0, 1.0), (2.9, 300.0), (3.05, 1.0), (3.2, 1.0)]
    assert outside(samples, spans) == [(0.9, 500.0), (2.0, 1.0), (2.9, 300.0), (3.2, 1.0)]


def test_more_stretches_make_a_ratio_surer():
    few, many = (ratio(stretches(random.Random(7), count)) for count in (4, 64))
    assert many.high - many.low < few.high - few.low


def test_latencies_of_several_stretches_are_their_medians_each_by_itself() -> None:
    several = [{"p50": 1.0, "p99": 9.0}, {"p50": 3.0, "p99": 5.0}, {"p50": 2.0, "p99": 7.0}]
    assert peers.medians(several) == (2.0, 7.0)
    assert peers.medians([*several, {"p50": 4.0, "p99": None}]) == (2.5, None)
