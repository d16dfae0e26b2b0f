"""The files and the delta, byte for byte: a changed byte is a changed format and needs a new version."""

from __future__ import annotations

import hashlib
import struct
import tempfile
from pathlib import Path

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthcert.revocation import HashType
from tests.unit.trustlist.revocation.histories import first_generation
from trustlist.revocation import hashes
from trustlist.revocation.delta import REMOVED, decode, encode
from trustlist.revocation.errors import FormatError, RevocationError
from trustlist.revocation.folding import foreign_file, own_file
from trustlist.revocation.limits import FOREVER, MAX_DELTA_BYTES
from trustlist.revocation.manifest import Manifest, Part, read_manifest
from trustlist.revocation.rvh import HashFile
from trustlist.revocation.shard_id import Shard, shard, shard_from_code
from trustlist.revocation.shards import ShardFile, Standing
from trustlist.revocation.state import State
from trustlist.revocation.tiers import difference
from trustlist.revocation.varint import read_gaps, write_gaps

pytestmark = pytest.mark.req("K05")
UNHURRIED = settings(deadline=None)
ONE, TWO = Shard("VN", 12 * 2027 + 2, 0), Shard("VN", 12 * 2027 + 2, 1)
KEYS = [bytes(range(10)), b"\0\1" + b"\xff" * 8, b"\xff" + bytes(9)]


# Worked out once; from then on they must not change.
GOLDEN_OWN = "34a689f9f08bff64132d6b6844120a9e3106ffa97ed92cfdbfd0be92a72389ab"
GOLDEN_FOREIGN = "998d5ce95b7d1224f09cfdf60c0a864f6313824f8560d7af04c98a8c79f2e0a8"
GOLDEN_DELTA = "1affe23af0695be9161d42ddb3b3262052f0171e0b983fd5f00c7d83c4387c7a"
GOLDEN_MANIFEST = (
    "a7000101030219038403194fe20482582000000000000000000000000000000000000000000000000000000000"
    "00000000050582582000000000000000000000000000000000000000000000000000000000000000000506f6"
)


def state(folder: Path) -> State:
    base, _ = first_generation(folder, 5, 8)
    bare = State.of(base)
    foreign = dict(zip(KEYS, (20_902, FOREVER, 20_902), strict=True))
    bits = {ONE: {0: True, 9: True, 31: True}}
    return bare.after(difference(bare, opened=[ONE, TWO], bits=bits, foreign=foreign))


def test_the_file_of_own_certificates_is_as_described(tmp_path: Path) -> None:
    data = b"".join(own_file(state(tmp_path), 7))
    head = b"CXOB" + struct.pack(">HHQI", 1, 5, 7, 2)
    assert data.startswith(head + b"VN".ljust(16, b"\0") + struct.pack(">III", 24_326, 0, 3))
    assert data[4_096:] == bytes((0b1, 0b10, 0, 0b1000_0000)) + bytes(4)
    assert hashlib.sha256(data).hexdigest() == GOLDEN_OWN


def test_the_file_of_foreign_hashes_is_as_described(tmp_path: Path) -> None:
    data = b"".join(foreign_file(state(tmp_path), 7))
    assert data.startswith(
        b"CXRV" + struct.pack(">HBBQIH", 1, 10, 8, 7, 3, 2) + struct.pack(">II", 20_902, 2)
    )
    table = struct.unpack_from(">257I", data, 22 + 2 * 40)
    assert table == (0, *[2] * 255, 3)
    records = KEYS[0][1:] + b"\0" + KEYS[1][1:] + b"\1" + KEYS[2][1:] + b"\0"
    assert data[22 + 80 + 4 * 257 :] == records
    assert hashlib.sha256(data).hexdigest() == GOLDEN_FOREIGN


def test_the_delta_is_as_described(tmp_path: Path) -> None:
    now = state(tmp_path)
    delta = encode(now.as_delta(), now.directory, 5)
    wire = cbor2.loads(delta)
    assert [wire[place] for place in range(5)] == [1, 0, 1, 20_450, 2]
    assert wire[5] == ONE.code + TWO.code
    assert (wire[6], wire[7]) == (bytes((0, 8, 21)), b"")
    assert wire[8] == {20_902: KEYS[0] + KEYS[2], FOREVER: KEYS[1]}
    assert hashlib.sha256(delta).hexdigest() == GOLDEN_DELTA


def test_a_large_table_of_prefixes_is_read_as_a_small_one(tmp_path: Path) -> None:
    base, _ = first_generation(tmp_path, 20, 16)
    bare = State.of(base)
    full = bare.after(
        difference(bare, opened=[ONE], bits={ONE: {2**20 - 1: True}}, foreign=dict.fromkeys(KEYS, FOREVER))
    )
    for name, pieces in (("own", own_file), ("foreign", foreign_file)):
        (tmp_path / name).write_bytes(b"".join(pieces(full, 1)))
    folded = HashFile(tmp_path / "foreign")
    assert [folded.day_of(key) for key in KEYS] == [FOREVER] * 3
    assert list(folded.entries()) == [(key, FOREVER) for key in KEYS]
    assert folded.day_of(bytes(10)) is None
    own = ShardFile(tmp_path / "own")
    assert [own.bit(ONE, index) for index in (0, 2**20 - 1, 2**20, -1)] == [False, True, None, None]


def test_an_unknown_list_or_an_index_beyond_it_cannot_be_decided(tmp_path: Path) -> None:
    now = state(tmp_path)
    assert now.standing(ONE, 9) is Standing.REVOKED
    assert now.standing(ONE, 10) is Standing.NOT_REVOKED
    for shard_, index in (
        (ONE, 32),
        (ONE, -1),
        (Shard("VN", ONE.month, 2), 9),
        (Shard("AT", ONE.month, 0), 9),
    ):
        assert now.standing(shard_, index) is Standing.CANNOT_DECIDE


def test_a_key_binds_the_hash_to_its_scope_and_kind() -> None:
    digest = bytes(range(16))
    keys = {hashes.key_of(scope, kind, digest) for scope in (b"DE", b"AT", b"\1" * 8) for kind in HashType}
    assert len(keys) == 9
    told = hashlib.sha256(b"cong-xanh/foreign-revocation/1\0" + b"DE" + b"\2" + digest).digest()[:10]
    assert hashes.key_of(b"DE", HashType.UCI, digest) == told
    with pytest.raises(FormatError, match="hash"):
        hashes.key_of(b"DE", HashType.UCI, digest[1:])


@UNHURRIED
@given(st.floats(0, 4e9))
def test_a_batch_never_ends_earlier_than_told_nor_more_than_a_week_later(ends: float) -> None:
    day = hashes.last_day(ends)
    assert not hashes.is_over(day, ends)
    assert hashes.is_over(day, ends + 7 * 86_400 + 1)


@pytest.mark.parametrize(
    ("ends", "day"),
    [("inf", FOREVER), ("nan", FOREVER), ("1e300", FOREVER), ("-inf", 0), ("-1e9", 0), ("1", 7)],
)
def test_an_odd_end_is_a_day_too(ends: str, day: int) -> None:
    assert hashes.last_day(float(ends)) == day


def test_an_entry_revokes_until_its_last_day_and_no_longer(tmp_path: Path) -> None:
    base, _ = first_generation(tmp_path)
    bare = State.of(base)
    key = hashes.key_of(b"DE", HashType.UCI, bytes(16))
    now = bare.after(difference(bare, foreign={key: 20_902}))
    asked = (b"DE", HashType.UCI, bytes(16))
    assert now.is_listed(*asked, 20_902 * 86_400.0)
    assert not now.is_listed(*asked, 20_902 * 86_400.0 + 1)
    assert not now.is_listed(b"AT", HashType.UCI, bytes(16), 0.0)
    assert not now.after(difference(now, foreign={key: REMOVED})).is_listed(*asked, 0.0)


@UNHURRIED
@given(st.sets(st.integers(0, 2**32 - 1), max_size=60))
def test_gaps_are_read_as_written(values: set[int]) -> None:
    data = write_gaps(sorted(values))
    assert read_gaps(data, 2**32) == sorted(values)


@UNHURRIED
@given(st.binary(max_size=40))
def test_gaps_have_one_spelling(data: bytes) -> None:
    try:
        values = read_gaps(data, 2**32)
    except FormatError:
        return
    assert write_gaps(values) == data


@UNHURRIED
@given(st.data())
def test_a_damaged_delta_is_refused_or_says_the_same_again(data: st.DataObject) -> None:
    raw = bytearray(SAMPLE_DELTA)
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        packed = decode(bytes(raw))
        directory = sorted(packed.opened)
        assert encode(packed.unpack(directory, 5), directory, 5) == raw
    except FormatError:
        pass


def _sample_delta() -> bytes:
    with tempfile.TemporaryDirectory() as name:
        now = state(Path(name))
        return encode(now.as_delta(), now.directory, 5)


SAMPLE_DELTA = _sample_delta()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({0: 2}, "delta.version"),
        ({1: 5}, "delta.epochs"),
        ({2: 2**50}, "delta.number"),
        ({3: True}, "delta.number"),
        ({3: 30_000}, "delta.opened"),
        ({4: 5_000}, "delta.number"),
        ({5: b"x"}, "delta.rows"),
        ({5: TWO.code + ONE.code}, "delta.rows"),
        ({5: bytes(24)}, "shard.malformed"),
        ({6: b"\x80"}, "delta.gaps"),
        ({6: b"\xff\xff\xff\xff\x7f"}, "delta.gaps"),
        ({7: b"\0"}, "delta.limit"),
        ({8: []}, "delta.classes"),
        ({8: {20_902: b""}}, "delta.classes"),
        ({8: {20_000: KEYS[0]}}, "delta.classes"),
        ({8: {20_902: KEYS[0], 20_909: KEYS[0]}}, "delta.keys"),
        ({9: KEYS[0]}, "delta.keys"),
        ({10: bytes(35)}, "delta.fingerprint"),
        ({12: 0}, "delta.shape"),
        ({9: None}, "delta.shape"),
    ],
)
def test_a_malformed_delta_is_refused_by_name(change: dict[int, object], code: str) -> None:
    wire = {**cbor2.loads(SAMPLE_DELTA), **change}
    with pytest.raises(FormatError) as refused:
        decode(cbor2.dumps(wire, canonical=True))
    assert refused.value.code == code


def test_a_delta_in_another_spelling_too_long_or_no_cbor_is_refused() -> None:
    wire = dict(sorted(cbor2.loads(SAMPLE_DELTA).items(), reverse=True))
    for data, code in (
        (cbor2.dumps(wire), "delta.not_canonical"),
        (SAMPLE_DELTA + b"\0", "delta.not_canonical"),
        (bytes(MAX_DELTA_BYTES + 1), "delta.limit"),
        (b"\xbf", "delta.cbor"),
        (b"\x81" * 1_000, "delta.cbor"),
    ):
        with pytest.raises(FormatError) as refused:
            decode(data)
        assert refused.value.code == code


@pytest.mark.parametrize("name", ["own", "foreign"])
def test_a_damaged_file_is_refused_and_never_read_beyond(name: str, tmp_path: Path) -> None:
    now = state(tmp_path)
    pieces, opens = {"own": (own_file, ShardFile), "foreign": (foreign_file, HashFile)}[name]
    good = b"".join(pieces(now, 1))
    path = tmp_path / name
    damaged = [b"", good[:3], good[:-1], good + b"\0", b"X" + good[1:], good[:5] + b"\2" + good[6:]]
    damaged += [good[:at] + b"\xff" + good[at + 1 :] for at in range(6, 22)]
    if name == "foreign":
        damaged.append(good[: 22 + 80 + 4] + b"\0\0\0\4" + good[22 + 80 + 8 :])  # an offset beyond the end
    for data in damaged:
        path.write_bytes(data)
        try:
            read = opens(path)
        except RevocationError:
            continue
        assert data[4:22] != good[4:22]  # only the generation can be another and the file still whole
        assert read.generation != 1


@UNHURRIED
@given(st.binary(min_size=24, max_size=24))
def test_any_24_bytes_are_one_shard_or_none(code: bytes) -> None:
    try:
        read = shard_from_code(code)
    except FormatError:
        return
    assert read.code == code


def test_a_shard_knows_its_last_day_and_its_address() -> None:
    assert shard("VN", 12 * 2028 + 1, 7).last_day == 21_243  # 29 February 2028
    assert shard("VN", 12 * 2028 + 1, 7).path == "VN/2028-02/0007"
    for wrong in (
        ("", 24_000, 0),
        ("vn", 24_000, 0),
        ("VN", 11, 0),
        ("VN", 24_000, 65_536),
        (b"VN", 24_000, 0),
    ):
        with pytest.raises(FormatError):
            shard(*wrong)


def test_a_manifest_is_read_as_written_and_only_so() -> None:
    part = Part(bytes(32), 5)
    manifest = Manifest(3, 900, 20_450, part, part, None)
    assert read_manifest(manifest.encode()) == manifest
    assert manifest.encode().hex() == GOLDEN_MANIFEST
    wire = cbor2.loads(manifest.encode())
    for change in (
        {0: 2},
        {1: -1},
        {4: [b"", 5]},
        {4: [bytes(32), -1]},
        {5: 1},
        {7: 0},
        {6: [bytes(32), 2**40]},
    ):
        with pytest.raises(FormatError):
            read_manifest(cbor2.dumps({**wire, **change}, canonical=True))
    with pytest.raises(FormatError):
        read_manifest(manifest.encode() + bytes(5_000))
