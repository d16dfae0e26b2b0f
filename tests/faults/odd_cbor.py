"""CBOR that readers disagree about, at every place of a certificate's payload.

What each line stands for: RFC 8949 §3 (heads, simple values, floats), §3.4 and the IANA registry (tags),
§5.6 (duplicate keys). Versions of `cbor2` differ in more than a hundred of these payloads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cbor2

_ITEMS = (
    "00 20 1a61cf9980 1b0000000061cf9980 1bffffffffffffffff 3bffffffffffffffff"  # numbers, some in long heads
    " f4 f6 f7 e0 f0 f818 f81f f820 f8ff fc ff"  # simple values, some not allowed, and a break
    " f97e00 f97c00 fb7ff8000000000000 f90000 fbffefffffffffffff fb41d873e660000000 fa4ec39f33"
    " 40 4101 60 61ff 62c328 63eda080 7f61416142ff 5f4101ff 5f6101ff 7b0000000000000141 5a00000001ff"
    " 80 8101 9f01ff a0 a10102 bf0102ff 1c 1f 3f df 9bffffffffffffffff"  # lengths, some never kept
    " a201010102 a2616101616102 bf616101616102ff a18001 a1a001 a1f401 a1fb3ff000000000000001"  # keys
    " c074323032312d30382d31325430303a30303a30305a c06161 c11a61cf9980 c1fb41d873e660000000 c1f97e00"
    " c11b00ffffffffffffff d903ec6a323032312d30382d3132 d8641904b0"  # times and days
    " c240 c2420100 c2d81c420100 d802d9d9f7420102 c2d81c4102"  # large numbers
    " c25101000000000000000000000000000000ff c348ffffffffffffffff c34101"
    " c4820001 c48201c24100 c5820101 c5821a7fffffff01 c482181e01 d81e820103 d81e820100 d9a7f8820102"
    " d81c80 d81d00 d81c81d81d00 d81ca1616101 d90100d8190000 d901008161610000 d81900"  # references
    " d8206161 d8236128 d823614d d8246161 d82540 d90102820102 d901028180 d90102a0 d90104440a000001"
    " d90105a1440a00000018 d9d9f701 d8184101 d20180 da0000001201"
)
ITEMS = tuple(bytes.fromhex(item) for item in _ITEMS.split())
# tags put in front of what rightly stands at a place
_TAGS = "c0 c1 c2 c6 d818 d81c d81e d820 d823 d824 d825 d90100 d90101 d90102 d90103 d9d9f7"
TAGS = tuple(bytes.fromhex(tag) for tag in _TAGS.split())
NESTS = ((b"\x81", b"\x00"), (b"\xa1\x00", b"\x00"), (b"\xc6", b"\x00"), (b"\x9f", b"\xff"))
DEPTHS = (5, 15, 16, 17, 100, 399, 401, 3000)
PLACES = (
    *("iss", "exp", "iat", "private", "more", "hcert", "beside", "dcc", "ver", "nam", "dob", "fn", "v"),
    *("entry", "dn", "dt", "is", "extra"),
)
_HOLE = "<hole>"
_ENTRY = {
    "tg": "840539006", "vp": "1119349007", "mp": "EU/1/20/1528", "ma": "ORG-100030215", "dn": 2, "sd": 2,
    "dt": "2021-08-12", "co": "AT", "is": "Ministry", "ci": "URN:UVCI:01:AT:1#A",
}  # fmt: skip


def payloads() -> Iterator[bytes]:
    """The good payload; then each odd item and tag at each place, cut, deep and doubled ones."""
    hole = cbor2.dumps(_HOLE)
    yield _payload("")[0]
    for place in PLACES:
        payload, stood = _payload(place)
        assert payload.count(hole) == 1
        for item in (*ITEMS, *(tag + stood for tag in TAGS), stood + b"\x00", stood[:-1]):
            yield payload.replace(hole, item)
    payload, _ = _payload("more")
    for depth in DEPTHS:
        for nest, inner in NESTS:
            yield payload.replace(hole, nest * depth + inner)
    yield from doubled()


def doubled() -> list[bytes]:
    """Payloads in which one map says its first name twice: the entry, the name, the certificate, hcert."""
    good, _ = _payload("")
    firsts = (b"\xaa\x62tg", b"\xa4\x62fn", b"\xa4\x63ver", b"\xa1\x01")
    assert all(good.count(first) == 1 for first in firsts)
    return [good.replace(f, bytes([f[0] + 1]) + f[1:] + b"\x01" + f[1:]) for f in firsts]


def _payload(place: str) -> tuple[bytes, bytes]:
    """A good payload with a hole at `place`, and the encoding of what stood there."""
    stood: list[Any] = [None]

    def at(name: str, value: Any) -> Any:
        if name == place:
            stood[0], value = value, _HOLE
        return value

    entry = {**_ENTRY, "dn": at("dn", 2), "dt": at("dt", "2021-08-12"), "is": at("is", "Ministry")}
    name = {"fn": at("fn", "Nguyen"), "fnt": "NGUYEN", "gn": "An", "gnt": "AN"}
    dcc: dict[str, Any] = {"ver": at("ver", "1.3.0"), "dob": at("dob", "1990-04-05"), "nam": at("nam", name)}
    dcc["v"] = at("v", [at("entry", entry)])
    hcert: dict[int, Any] = {}
    claims: dict[int, Any] = {1: at("iss", "AT"), 4: at("exp", 1_670_000_000), 6: at("iat", 1_640_000_000)}
    for owner, where, label in ((claims, "private", -70_001), (claims, "more", 7), (dcc, "extra", "x")):
        if place == where:
            owner[label] = at(where, {1: "domestic"} if where == "private" else "A")
    if place == "beside":
        hcert[2] = at("beside", "A")
    claims[-260] = at("hcert", {1: at("dcc", dcc), **hcert})
    return cbor2.dumps(claims), cbor2.dumps(stood[0])
