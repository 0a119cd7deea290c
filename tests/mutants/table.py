"""Attack → the line that stops it, broken → the test that must notice. The numbers are those of docs/security.md."""

from __future__ import annotations

from typing import Final, NamedTuple

ATTACKS: Final = (*range(1, 44), *range(45, 52))
"""Attacks that have regression tests; each has at least one mutant."""


class Mutant(NamedTuple):
    """A patch of one line, and the test that has to fail with it.

    Attributes:
        file: below ``sealwire/``.
        old: text that stands in exactly one place of the file.
        test: below ``tests/fault/``: file and function.
    """

    attack: int
    file: str
    old: str
    new: str
    test: str


BROKER = "test_attacks_broker.py::test_attack_"
BUNDLES = "test_attacks_bundles.py::test_attack_"
CONTEXTS = "test_attacks_contexts.py::test_attack_"
COPIES = "test_attacks_copies.py::test_attack_"
CRYPTO = "test_attacks_crypto.py::test_attack_"
DIRECTORY = "test_attacks_directory.py::test_attack_"
DOOR = "test_attacks_door.py::test_attack_"
FILES = "test_attacks_files.py::test_attack_"
GROUPS = "test_attacks_groups_logs.py::test_attack_"
GROUP_WORDS = "test_attacks_groups_words.py::test_attack_"
LATE_WORDS = "test_groups_late_words.py::test_attack_"
MESSAGES = "test_attacks_messages.py::test_attack_"
NETWORK = "test_attacks_network.py::test_attack_"
PEOPLE = "test_attacks_people.py::test_attack_"
REPLAY = "test_attacks_replay.py::test_attack_"
REPEATS = "test_groups_repeats.py::test_attack_"
SIZES = "test_attacks_sizes.py::test_attack_"

SWAPPED_LATER = DIRECTORY + "01_keys_swapped_after_pinning_stop_everything_until_a_person_decides"
ANOTHER_LIST = DIRECTORY + "02_a_list_that_is_not_bobs_own_is_not_believed"
READ_WITHOUT_A_SESSION = (
    'after, fresh, plaintext = session, None, envelope[16:].rstrip(b"\\0"); plain = decode_plaintext(plaintext)'
)

UNFOLDED = BROKER + "31_one_frame_unfolds_into_a_bounded_number_of_messages"
CUT_SHORT = BROKER + "31_a_frame_cut_short_unfolds_into_what_is_whole"
ODD_SIZES = BROKER + "31_no_message_is_smaller_or_larger_for_having_come_with_others"
LYING_LENGTH = BROKER + "31_a_length_that_lies_unfolds_into_nothing"

TABLE: Final = (
    # --- keys and whose they are ---
    Mutant(1, "peer/roster.py", "if contact.account_key != listed.n_sign:", "if False:", SWAPPED_LATER),
    Mutant(
        1,
        "peer/directory.py",
        "if owner is None or self._roster.blocked(owner):",
        "if owner is None:",
        SWAPPED_LATER,
    ),
    Mutant(
        1,
        "peer/inbox.py",
        "if self._roster.blocked(name) or not self._roster.lists(card):",
        "if False:",
        DIRECTORY + "01_mail_under_swapped_keys_is_not_shown",
    ),
    Mutant(
        1,
        "crypto/prekeys.py",
        "if self.card.card.mailbox != expected_mailbox:",
        "if False:",
        BUNDLES + "01_a_whole_bundle_of_other_keys_is_not_what_was_asked_for",
    ),
    Mutant(2, "peer/roster.py", "if (listed.realm, listed.account) != (self._realm, name):", "if False:", ANOTHER_LIST),
    Mutant(2, "peer/roster.py", "            signed.verify()", "            pass", ANOTHER_LIST),
    Mutant(
        2,
        "crypto/prekeys.py",
        "        self.prekeys.verify(self.card.card)",
        "        pass",
        DIRECTORY + "02_alices_device_keys_under_mallorys_name_open_nothing",
    ),
    Mutant(
        3,
        "peer/inbox.py",
        "plain.sender != sender_hash or plain.recipient != own or",
        "plain.sender != sender_hash or",
        NETWORK + "03_a_message_rewrapped_for_someone_else_is_refused",
    ),
    Mutant(
        3,
        "peer/inbox.py",
        "plain.sender != sender_hash or plain.recipient != own or",
        "plain.recipient != own or",
        NETWORK + "03_a_message_rewrapped_for_someone_else_is_refused",
    ),
    Mutant(
        4,
        "crypto/handshake.py",
        'hkdf(k, "rsa", t0 + sha256(c_rsa), KEY_BYTES)',
        'hkdf(k, "rsa", t0, KEY_BYTES)',
        CRYPTO + "04_reencapsulation_of_one_secret",
    ),
    Mutant(
        5,
        "crypto/prekeys.py",
        "if len(encoded) != PREKEYS_BYTES:",
        "if len(encoded) < PREKEYS_BYTES:",
        CRYPTO + "05_no_encoding_parses_as_another",
    ),
    # --- prekeys and the handshake ---
    Mutant(
        6,
        "crypto/prekeys.py",
        "        self.card.verify()",
        "        pass",
        BUNDLES + "06_every_part_of_a_bundle_is_checked_before_anything_is_sent",
    ),
    Mutant(
        6,
        "broker/directory.py",
        "SignedPrekeys(prekeys, request.signature).verify(link.card)",
        "pass",
        BUNDLES + "06_an_upload_that_was_altered_on_its_way_is_not_stored",
    ),
    Mutant(
        7,
        "peer/inbox.py",
        "self._upkeep.used(fresh.opk_id)",
        "pass",
        BUNDLES + "07_a_one_time_prekey_handed_out_twice_opens_once",
    ),
    Mutant(
        7,
        "crypto/handshake.py",
        "if opk_id == NO_ONE_TIME:",
        "if opk_id == NO_ONE_TIME or one_time(opk_id) is None:",
        BUNDLES + "07_an_unknown_one_time_prekey_is_refused_and_nothing_is_stored",
    ),
    Mutant(
        8,
        "broker/relay.py",
        "if at == end or not link.open:",
        "if at == end:",
        BROKER + "08_a_replayed_frame_of_many_takes_nothing_that_follows_it_along",
    ),
    Mutant(
        8,
        "peer/inbox.py",
        "if known is not None:",
        "if False:",
        REPLAY + "08_a_known_handshake_whose_session_is_gone_is_never_opened_again",
    ),
    Mutant(
        8,
        "peer/inbox.py",
        "self._records.put_handshake(fresh.digest, after.tag_in, fresh.spk_id)",
        "pass",
        REPLAY + "08_a_replayed_opening_opens_nothing_again",
    ),
    Mutant(
        10,
        "crypto/primitives.py",
        'or int.from_bytes(public, "little") >= _CURVE_PRIME:',
        "or False:",
        CRYPTO + "10_low_order_points_are_refused_everywhere",
    ),
    Mutant(
        11,
        "wire/header.py",
        "if reader.uint(1) != VERSION or reader.uint(2) != SUITE:",
        "if reader.uint(1) != VERSION or not reader.uint(2):",
        CRYPTO + "11_no_other_version_or_suite_is_taken",
    ),
    Mutant(
        11,
        "crypto/handshake.py",
        'SUITE.to_bytes(2, "big"),',
        'b"",',
        CRYPTO + "11_suite_is_in_the_transcript",
    ),
    Mutant(
        11,
        "peer/login.py",
        "if challenge.protocol != PROTOCOL_VERSION:",
        "if False:",
        BUNDLES + "11_a_protocol_that_was_not_offered_ends_the_connection",
    ),
    Mutant(
        11,
        "broker/links.py",
        "if not body.lowest <= PROTOCOL_VERSION <= body.highest:",
        "if False:",
        BUNDLES + "11_versions_without_ours_are_told_so_and_nothing_else",
    ),
    Mutant(
        12,
        "crypto/card.py",
        'return H("card", self.encode())',
        'return H("card", self.sk)',
        CRYPTO + "12_a_signature_cannot_be_claimed_for_another_key",
    ),
    Mutant(
        13,
        "crypto/rsa.py",
        'if math.gcd(int.from_bytes(modulus, "big"), _small_primes_product()) != 1:',
        "if False:",
        CRYPTO + "13_hostile_moduli_are_refused_before_arithmetic",
    ),
    Mutant(
        14,
        "crypto/handshake.py",
        '        k = b""',
        "        raise",
        CRYPTO + "14_every_decapsulation_failure_is_one_refusal_on_one_path",
    ),
    Mutant(
        14,
        "crypto/handshake.py",
        "return k if len(k) == KEY_BYTES else stand_in",
        "return k or stand_in",
        CRYPTO + "14_a_secret_of_another_length_is_no_secret",
    ),
    Mutant(
        14,
        "crypto/handshake.py",
        "(_DH_PREFIX, *shared, secrets.k_rsa, secrets.k_pq)",
        "(_DH_PREFIX, *shared, secrets.k_pq)",
        CRYPTO + "14_every_session_key_depends_on_the_rsa_secret",
    ),
    # --- at rest and in context ---
    Mutant(
        15,
        "crypto/vault.py",
        'raise RefusedError("key-file") from None',
        "return blob[_HEAD.size : -AUTHENTICATOR_BYTES]",
        CONTEXTS + "15_every_byte_of_a_key_file_is_authenticated_before_rsa",
    ),
    Mutant(
        16,
        "crypto/primitives.py",
        'return b"sealwire/v1/" + label.encode() + b"\\x00" + content',
        'return b"sealwire/v1/" + b"\\x00" + content',
        CONTEXTS + "16_no_signature_holds_in_another_context",
    ),
    # --- messages ---
    Mutant(
        17,
        "peer/inbox.py",
        "session, card = accepted.session, accepted.card",
        "session, card, _ = accepted.session, accepted.card, self._upkeep.used(accepted.opk_id)",
        NETWORK + "17_mutated_openings_take_no_prekey_and_leave_no_session",
    ),
    Mutant(
        18,
        "crypto/session.py",
        "[:MAX_SESSIONS_PER_PAIR]",
        "[:99]",
        NETWORK + "18_a_peer_cannot_pile_up_sessions",
    ),
    Mutant(
        18,
        "crypto/ratchet.py",
        "skipped = skipped[-chains:]",
        "skipped = skipped[-9999:]",
        MESSAGES + "18_a_thousand_chains_leave_bounded_rows",
    ),
    Mutant(18, "peer/store.py", "> MAX_QUARANTINED:", "> 1_000_000:", NETWORK + "18_garbage_fills_no_disk"),
    Mutant(
        18,
        "peer/store.py",
        'self._sql("DELETE FROM seen WHERE mid = ?", gone)',
        "pass",
        NETWORK + "18_garbage_fills_no_disk",
    ),
    Mutant(
        18,
        "peer/inbox.py",
        "if self._tokens < 1:",
        "if False:",
        NETWORK + "18_openings_are_taken_at_a_bounded_rate",
    ),
    Mutant(
        20,
        "peer/mail.py",
        "now.ms - pair.state.renew_asked_ms < RENEW_EVERY_MS",
        "False",
        NETWORK + "20_garbage_resets_no_session_and_asks_once",
    ),
    Mutant(
        21,
        "crypto/handshake.py",
        "if header.mailbox != own.mailbox:",
        "if False:",
        NETWORK + "21_an_opening_relabelled_to_another_device_is_refused",
    ),
    Mutant(
        21,
        "peer/roster.py",
        "return owner is not None and owner != name",
        "return False",
        DIRECTORY + "21_the_directory_cannot_steer_mail_to_another_account",
    ),
    Mutant(
        21,
        "peer/outbox.py",
        "if row.account != pair.account:",
        "if False:",
        DIRECTORY + "21_not_even_when_the_other_account_writes_first_or_later",
    ),
    Mutant(
        21,
        "peer/directory.py",
        "if pair is not None and not self._roster.lists(pair.signed_card):",
        "if False:",
        DIRECTORY + "21_a_device_that_left_the_signed_list_gets_nothing_more",
    ),
    Mutant(
        21,
        "peer/roster.py",
        "if contact.devices is not None and _list_of(contact.devices).version > listed.version:",
        "if False:",
        DIRECTORY + "21_an_older_device_list_is_a_rollback",
    ),
    Mutant(
        22,
        "peer/inbox.py",
        "raise UnreadError(error.reason) from error",
        READ_WITHOUT_A_SESSION,
        NETWORK + "22_no_inner_message_is_taken_outside_a_session",
    ),
    Mutant(
        23,
        "peer/inbox.py",
        "if not self._records.put_seen(mid, now.ms):",
        "if self._records.put_seen(mid, now.ms) and False:",
        REPLAY + "23_nothing_read_is_read_again_after_a_restart",
    ),
    Mutant(
        23,
        "peer/pairs.py",
        "if s.time_ms > self.state.retired_ms",
        "if s",
        REPLAY + "23_a_restored_database_shows_nothing_twice_and_uses_no_key_twice",
    ),
    Mutant(
        24,
        "peer/pairs.py",
        "verdict = Order.GAP",
        "pass",
        REPLAY + "24_three_of_ten_dropped_are_counted_aloud",
    ),
    Mutant(
        24,
        "peer/pairs.py",
        "if plain.previous != state.received_hash:",
        "if False:",
        REPLAY + "24_two_messages_for_one_place_are_a_copied_device",
    ),
    Mutant(
        25,
        "crypto/session.py",
        '_TO_OPENER = b"\\x01"',
        '_TO_OPENER = b"\\x00"',
        MESSAGES + "25_a_reflected_message_is_refused",
    ),
    Mutant(
        26,
        "crypto/ratchet.py",
        "if not equal(keys[_COM_AT:], message[_SEALED_HEADER_BYTES:_BODY_AT]):",
        "if False:",
        MESSAGES + "26_invisible_salamander_fails_at_the_commitment",
    ),
    # --- whole objects, sizes ---
    Mutant(
        28,
        "crypto/card.py",
        'rsa.verify(self.devices.n_sign, "devices", self.devices.encode(), self.signature)',
        "pass",
        MESSAGES + "28_every_byte_of_cards_and_device_lists_is_signed",
    ),
    Mutant(
        28,
        "crypto/ratchet.py",
        "if not equal(keys[_COM_AT:], message[_SEALED_HEADER_BYTES:_BODY_AT]):",
        "if False:",
        MESSAGES + "28_every_byte_of_a_message_is_authenticated",
    ),
    Mutant(
        29,
        "crypto/rsa.py",
        "from Crypto.Hash import SHA256",
        "from Crypto.Hash import SHA1 as SHA256",
        MESSAGES + "29_authenticators_are_whole_and_no_sha_1_is_used",
    ),
    Mutant(
        30,
        "crypto/session.py",
        "pad(plaintext, bucket(len(plaintext)))",
        "pad(plaintext, max(256, len(plaintext) + 1))",
        MESSAGES + "30_size_depends_on_the_bucket_only_and_nothing_is_compressed",
    ),
    Mutant(
        30,
        "crypto/session.py",
        "import struct",
        "import struct, zlib",
        MESSAGES + "30_size_depends_on_the_bucket_only_and_nothing_is_compressed",
    ),
    # --- at the door ---
    Mutant(
        45,
        "crypto/identity.py",
        "ends = lp(realm.encode()) + broker_curve + own_curve",
        "ends = lp(realm.encode()) + own_curve",
        CONTEXTS + "45_a_login_is_worth_nothing_on_another_connection_or_broker",
    ),
    Mutant(
        45,
        "crypto/identity.py",
        "nonces = lp(client_nonce) + lp(server_nonce) + token",
        "nonces = lp(client_nonce) + token",
        CONTEXTS + "45_a_login_is_worth_nothing_on_another_connection_or_broker",
    ),
    Mutant(
        45,
        "broker/links.py",
        "verify_login(greeted.card, transcript, body.signature)",
        "pass",
        DOOR + "45_a_recorded_login_is_refused_on_another_connection",
    ),
    Mutant(
        46,
        "broker/lobby.py",
        "if connection.chosen_id or len",
        "if len",
        DOOR + "46_a_connection_that_names_itself_gets_nothing_and_harms_nobody",
    ),
    Mutant(
        46,
        "broker/relay.py",
        "elif head == link.many_head:",
        "elif head[:1] == link.many_head[:1]:",
        BROKER + "46_many_messages_under_the_token_of_another_connection_are_nobodys",
    ),
    Mutant(
        46,
        "broker/sockets.py",
        "zmq.ROUTER_HANDOVER: 0,",
        "zmq.ROUTER_HANDOVER: 1,",
        DOOR + "46_nobody_takes_over_an_id",
    ),
    Mutant(
        47,
        "broker/sockets.py",
        "LIBZMQ_FLOOR: Final = (4, 3, 5)",
        "LIBZMQ_FLOOR: Final = (4, 0, 0)",
        DOOR + "47_a_libzmq_with_known_holes_is_refused",
    ),
    Mutant(
        48,
        "wire/frames.py",
        "if len(frame) != _VERB_U64.size:",
        "if False:",
        DOOR + "48_a_pickle_is_no_object_of_ours",
    ),
    # --- files ---
    Mutant(
        27,
        "crypto/attachments.py",
        'self._context = blob + self._padded.to_bytes(8, "big")',
        'self._context = self._padded.to_bytes(8, "big")',
        FILES + "27_a_chunk_opens_in_its_own_blob_only",
    ),
    Mutant(
        27,
        "crypto/attachments.py",
        "if tag != (_FINAL if index == self._count - 1 else _MESSAGE):",
        "if False:",
        FILES + "27_a_file_without_its_last_chunk_has_no_end",
    ),
    Mutant(
        27,
        "peer/download.py",
        "if equal(self._hash.digest(), self._plan.digest):",
        "if True:",
        FILES + "27_the_hash_is_compared_before_the_file_has_a_name",
    ),
    Mutant(31, "broker/relay.py", "for _ in range(MAX_MANY):", "for _ in range(1 << 16):", UNFOLDED),
    Mutant(31, "wire/many.py", "or len(rests) == MAX_MANY:", "or False:", UNFOLDED),
    Mutant(31, "broker/relay.py", "if start >= end:", "if False:", CUT_SHORT),
    Mutant(31, "broker/relay.py", "if not start < at <= end:", "if at <= start:", LYING_LENGTH),
    Mutant(31, "broker/relay.py", "if not start < at <= end:", "if at > end:", LYING_LENGTH),
    Mutant(31, "wire/many.py", "if not fits or at > len(frame) or", "if not fits or", LYING_LENGTH),
    Mutant(31, "wire/many.py", "fits = least < length <= least", "fits = length <= least", ODD_SIZES),
    Mutant(31, "wire/many.py", "<= least + MAX_ENVELOPE_BYTES", "<= least + 0xFFFF", ODD_SIZES),
    Mutant(
        31,
        "thumbnailer.py",
        "if max(width, height) > 65_535 or width * height > most_pixels:",
        "if False:",
        FILES + "31_an_image_past_the_pixels_is_judged_before_it_is_decoded",
    ),
    Mutant(
        48,
        "peer/engine.py",
        "except RemoteProtocolError as error:",
        "except KeyError as error:",
        DOOR + "48_a_pickle_in_any_frame_ends_a_link_or_nothing",
    ),
    # --- copies of a profile, people, sizes, names ---
    Mutant(
        9,
        "broker/directory.py",
        "wait_ms = _fetches(account).wait_ms(Mailbox(mailbox), settings, now)",
        "wait_ms = 0",
        BROKER + "09_bundles_of_one_device_cannot_be_drained",
    ),
    Mutant(
        9,
        "broker/fetches.py",
        "if bucket.tokens >= burst:",
        "if True:",
        BROKER + "09_asking_for_many_others_does_not_begin_the_count_anew",
    ),
    Mutant(
        9,
        "peer/directory.py",
        "if bundle.opk_id == 0:",
        "if False:",
        BUNDLES + "09_a_drained_device_is_still_reached_and_the_sender_is_told",
    ),
    Mutant(
        19,
        "peer/inbox.py",
        '_NOT_LOST: Final = frozenset({REPLAYED, "not-a-member", "may-not-speak", "repeated", "old-key"})',
        '_NOT_LOST: Final = frozenset({REPLAYED, "not-a-member", "may-not-speak", "old-key"})',
        COPIES + "19_a_copy_that_speaks_in_a_used_place_is_said_and_nothing_is_repaired",
    ),
    Mutant(
        19,
        "peer/inbox.py",
        "elif order is Order.FORK:",
        "elif False:",
        COPIES + "19_a_copy_that_went_on_alone_is_named_when_the_original_speaks",
    ),
    Mutant(
        28,
        "crypto/attachments.py",
        'raise RefusedError("damaged") from None',
        "plaintext, tag = sealed[1:-16], (_FINAL if index == self._count - 1 else _MESSAGE)",
        FILES + "28_every_byte_of_a_chunk_is_authenticated",
    ),
    Mutant(
        32,
        "crypto/sender_keys.py",
        "pad(plaintext, bucket(len(plaintext)))",
        "pad(plaintext, max(256, len(plaintext) + 1))",
        SIZES + "32_whatever_people_do_has_one_of_seven_sizes",
    ),
    Mutant(
        32,
        "crypto/attachments.py",
        "return (size_bytes + mask) & ~mask",
        "return size_bytes",
        SIZES + "32_files_have_few_sizes_too",
    ),
    Mutant(
        33,
        "peer/words.py",
        "if said.device is not None and (not between_two or self._people.is_accepted(said.author)):",
        "if said.device is not None:",
        PEOPLE + "33_a_stranger_learns_nothing_by_writing",
    ),
    Mutant(
        33,
        "peer/words.py",
        "elif verdict is Verdict.UNKNOWN:",
        'elif not self._receipts.owe(said.device, said.author, "delivered", [said.id]):',
        PEOPLE + "33_what_shows_nobody_anything_gives_no_receipt",
    ),
    Mutant(
        33,
        "peer/receipts.py",
        "jitter * self._pause_s, told_s + self._pause_s",
        "jitter * self._pause_s, 0.0",
        PEOPLE + "33_receipts_are_few",
    ),
    Mutant(
        33,
        "peer/receipts.py",
        'jitter = int.from_bytes(self._rng(4), "big") / 2**32',
        "jitter = 0.5",
        PEOPLE + "33_receipts_come_after_a_pause_of_random_length",
    ),
    Mutant(
        43,
        "crypto/safety.py",
        "fingerprint(account_id(realm, name), n_sign)",
        'fingerprint(account_id(realm, name), b"")',
        PEOPLE + "43_a_device_called_like_a_key_verifies_nobody",
    ),
    Mutant(
        43,
        "peer/trust.py",
        'if contact.trust == "changed":',
        "if False:",
        PEOPLE + "43_the_key_that_was_compared_is_the_key_that_is_verified",
    ),
    Mutant(
        43,
        "peer/trust.py",
        "if contact.account_key != key:",
        "if False:",
        PEOPLE + "43_a_yes_to_the_old_digits_is_none_to_a_key_that_was_accepted_since",
    ),
    Mutant(
        49,
        "broker/catalog.py",
        '"taken" if _may_enter(db, op) else "no-invite"',
        '"taken"',
        BROKER + "49_whoever_has_no_invite_is_not_told_which_names_exist",
    ),
    Mutant(
        49,
        "broker/directory.py",
        "_SIZES.get(type(result.op), 0)",
        "0",
        BROKER + "49_names_cannot_be_told_apart_or_tried_at_line_speed",
    ),
    Mutant(
        49,
        "broker/directory.py",
        "if not account.requests.take(1, rate, settings.requests_burst, now):",
        "if False:",
        BROKER + "49_names_cannot_be_told_apart_or_tried_at_line_speed",
    ),
    Mutant(
        50,
        "crypto/primitives.py",
        "def ed25519_sign(seed: bytes, label: str, content: bytes) -> bytes:",
        'def ed25519_sign(seed: bytes, label: str, content: bytes, public: bytes = b"") -> bytes:',
        CONTEXTS + "50_signing_takes_a_seed_and_no_public_key",
    ),
    Mutant(
        50,
        "crypto/primitives.py",
        "return sodium.crypto_sign_seed_keypair(seed)[1]",
        "return seed + bytes(32)",
        CONTEXTS + "50_nothing_is_signed_with_a_key_that_is_not_the_seeds_own",
    ),
    Mutant(
        51,
        "peer/engine.py",
        "self._pairs.retire_all()",
        "pass",
        COPIES + "51_a_restored_sender_uses_no_chain_again",
    ),
    Mutant(
        51,
        "peer/engine.py",
        "self.groups.forget_chains()",
        "pass",
        COPIES + "51_a_restored_member_uses_no_sender_key_again",
    ),
    Mutant(
        51,
        "peer/groups/keys.py",
        "return kept is not None and kept.epoch == BURNT",
        "return False",
        COPIES + "51_a_member_restored_to_before_an_epoch_speaks_in_one_of_its_own",
    ),
    Mutant(
        51,
        "peer/opening.py",
        "return beside > inside",
        "return False",
        COPIES + "51_the_start_of_an_older_database_is_noticed",
    ),
    # --- groups ---
    Mutant(
        34,
        "peer/groups/chain.py",
        "head = follow(group.head, entry)",
        "head = entry.head()",
        GROUPS + "34_an_entry_of_the_brokers_own_is_refused",
    ),
    Mutant(
        34,
        "crypto/membership.py",
        "if not state.may(body.author, body.kind, body.subject):",
        "if False:",
        GROUPS + "34_whoever_knows_the_log_key_adds_nobody_without_the_right",
    ),
    Mutant(
        34,
        "peer/groups/audience.py",
        "if known is None or known.state is not state or",
        "if known is None or",
        GROUPS + "34_no_key_ever_goes_to_somebody_outside_the_log",
    ),
    Mutant(
        36,
        "peer/groups/hall.py",
        "return group.membership is not None and group.membership.has(by, mailbox)",
        "return True",
        GROUPS + "36_whoever_was_removed_cannot_stop_the_group",
    ),
    Mutant(
        37,
        "peer/groups/chain.py",
        "if known != head:",
        "if False:",
        GROUPS + "37_two_heads_stop_the_group_on_both_sides",
    ),
    Mutant(
        37,
        "peer/groups/hall.py",
        "self._news.show_other(group, sequence, mailbox, by, now)",
        "pass",
        GROUPS + "37_two_heads_stop_the_group_on_both_sides",
    ),
    Mutant(
        38,
        "peer/groups/logs.py",
        "if body.sequence < group.head.sequence:",
        "if False:",
        GROUPS + "38_a_log_shorter_than_the_pinned_head_is_refused",
    ),
    Mutant(
        35,
        "peer/groups/talk.py",
        "if (plain.group, plain.sender, plain.epoch) != (place.group, place.card_hash, place.epoch):",
        "if (plain.group, plain.epoch) != (place.group, place.epoch):",
        GROUP_WORDS + "35_nobody_speaks_for_another_member",
    ),
    Mutant(
        35,
        "peer/groups/talk.py",
        "if kept.status != LEFT and state.device(kept.account, place.card_hash) is None:",
        "if False:",
        GROUP_WORDS + "35_a_key_from_outside_the_log_opens_nothing",
    ),
    Mutant(
        36,
        "peer/groups/talk.py",
        "if kept.status == REMOVED:",
        "if False:",
        GROUP_WORDS + "36_late_words_of_whoever_was_removed_are_refused",
    ),
    Mutant(
        36,
        "peer/groups/talk.py",
        "if self._heard.is_over(kept, now.ms):",
        "if False:",
        LATE_WORDS + "36_words_of_whoever_left_are_taken_for_a_day_and_no_longer",
    ),
    Mutant(
        36,
        "peer/groups/talk.py",
        "if kept.status == LEFT and plain.sequence >= kept.left_sequence:",
        "if kept.status == LEFT and plain.sequence >= group.head.sequence:",
        LATE_WORDS + "36_whoever_left_cannot_speak_on_by_showing_what_came_after",
    ),
    Mutant(
        36,
        "crypto/membership.py",
        "removes = kind is Kind.REMOVE and gone is not None and gone.joined",
        "removes = False",
        GROUP_WORDS + "36_what_is_said_after_a_removal_opens_with_no_key_of_before",
    ),
    Mutant(
        36,
        "peer/outbox.py",
        "fan is not None and mailbox in fan.left)",
        "True)",
        REPEATS + "36_what_flies_when_somebody_is_put_out_is_not_repeated_to_them",
    ),
    Mutant(
        36,
        "peer/outbox.py",
        "self._fans[row].conversation not in unread and reachable(mailbox)",
        "reachable(mailbox)",
        REPEATS + "36_a_repeat_waits_for_the_log_and_leaves_out_whoever_was_put_out_meanwhile",
    ),
    Mutant(
        36,
        "peer/groups/hall.py",
        "if names or mailboxes:",
        "if False:",
        REPEATS + "36_keys_that_still_wait_for_whoever_was_put_out_stay_here",
    ),
    Mutant(
        39,
        "peer/groups/talk.py",
        "if (plain.group, plain.sender, plain.epoch) != (place.group, place.card_hash, place.epoch):",
        "if (plain.sender, plain.epoch) != (place.card_hash, place.epoch):",
        GROUP_WORDS + "39_a_message_of_one_group_is_none_of_another",
    ),
    Mutant(
        39,
        "peer/inbox.py",
        "if plain.sender != sender_hash or plain.recipient != own or plain.conversation != DIRECT:",
        "if plain.sender != sender_hash or plain.recipient != own:",
        GROUP_WORDS + "39_a_message_to_a_group_is_none_between_two_and_the_other_way_round",
    ),
    Mutant(
        39,
        "peer/inbox.py",
        "if kind not in self._in_groups:",
        "if False:",
        GROUP_WORDS + "39_what_two_devices_say_to_each_other_is_no_word_in_a_group",
    ),
    Mutant(
        40,
        "peer/groups/keys.py",
        "if known and given.epoch <= known[0].epoch:",
        "if False:",
        GROUP_WORDS + "40_a_key_of_an_older_epoch_or_another_of_the_same_is_refused",
    ),
    Mutant(
        40,
        "peer/groups/keys.py",
        "if any(old.tag == key.tag for old in known):",
        "if False:",
        GROUP_WORDS + "40_a_key_that_comes_again_moves_nothing_back",
    ),
    Mutant(
        41,
        "peer/groups/news.py",
        "if device is None or arrival.author != own.by or not own.sees_past:",
        "if device is None:",
        GROUP_WORDS + "41_history_comes_with_a_signed_entry_from_the_inviter_only",
    ),
    Mutant(
        41,
        "peer/groups/hall.py",
        "if group.membership.members[name].sees_past:",
        "if True:",
        GROUP_WORDS + "41_history_comes_with_a_signed_entry_from_the_inviter_only",
    ),
    Mutant(
        42,
        "crypto/membership.py",
        "if body.time_ms > guest.until_ms:",
        "if False:",
        GROUP_WORDS + "42_an_invitation_that_does_not_hold_lets_nobody_in",
    ),
    Mutant(
        42,
        "crypto/membership.py",
        "if (own.realm, own.account, own.fingerprint) != (state.realm, body.author, member.fingerprint):",
        "if False:",
        GROUP_WORDS + "42_an_invitation_that_does_not_hold_lets_nobody_in",
    ),
    Mutant(
        42,
        "crypto/safety.py",
        "if len(scanned) != QR_BYTES or scanned[:2] != bytes((PURPOSE_COMPARE, QR_VERSION)):",
        "if len(scanned) != QR_BYTES:",
        GROUP_WORDS + "42_a_code_for_another_purpose_is_no_comparison",
    ),
)
