"""Both QR readers, and each alone, keep the same promises."""

from __future__ import annotations

import numpy as np
import pytest
import zxingcpp

from scanner.engines import MAX_TEXT, Engine, Symbol, guarded, zbar_engine, zxing_engine
from scanner.vision import Reader

TEXT = "HC1:6BFOXN*TS0BI$ZD4N9:9S6RCVN5+O30K3/XIV0W23NTDE"


def drawn(text: str, scale: int = 6, quiet: int = 40) -> np.ndarray:
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    return np.pad(np.asarray(code.to_image(scale=scale), dtype=np.uint8), quiet, constant_values=255)


@pytest.fixture(params=["zxing-cpp", "pyzbar"])
def engine(request: pytest.FixtureRequest) -> Engine:
    made = zxing_engine() if request.param == "zxing-cpp" else zbar_engine()
    assert made is not None, f"{request.param} is required in [kiosk]"
    return made


def test_a_clean_code_is_read_exactly(engine: Engine) -> None:
    assert [symbol.text for symbol in engine(drawn(TEXT))] == [TEXT]


def test_a_light_code_on_a_dark_screen_is_read(engine: Engine) -> None:
    assert [symbol.text for symbol in engine(255 - drawn(TEXT))] == [TEXT]


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_turned_code_is_read(engine: Engine, turn: int) -> None:
    assert [s.text for s in engine(np.ascontiguousarray(np.rot90(drawn(TEXT), turn)))] == [TEXT]


def test_two_codes_in_one_picture_are_both_read(engine: Engine) -> None:
    both = np.hstack([drawn(TEXT), drawn(TEXT + "X")])
    assert {symbol.text for symbol in engine(both)} == {TEXT, TEXT + "X"}


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (480, 640)])
def test_a_picture_without_a_code_gives_nothing(engine: Engine, shape: tuple[int, int]) -> None:
    assert engine(np.full(shape, 128, dtype=np.uint8)) == ()
    noise = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    assert engine(noise) == ()


def test_only_qr_codes_are_read(engine: Engine) -> None:
    other = zxingcpp.create_barcode("4006381333931", zxingcpp.BarcodeFormat.EAN13).to_image(scale=4)
    assert engine(np.pad(np.asarray(other, dtype=np.uint8), 40, constant_values=255)) == ()


def test_text_beyond_ascii_survives(engine: Engine) -> None:
    assert [symbol.text for symbol in engine(drawn("Đủ mũi tiêm: こんにちは"))] == ["Đủ mũi tiêm: こんにちは"]


@pytest.mark.parametrize(
    "error", [UnicodeDecodeError("utf-8", b"x", 0, 1, "no"), RuntimeError("boom"), MemoryError()]
)
def test_whatever_a_library_throws_is_a_miss(error: Exception) -> None:
    def throwing(_: np.ndarray) -> list[str]:
        raise error

    assert guarded("stub", throwing)(drawn(TEXT)) == ()


def test_a_text_that_is_too_long_is_left_out() -> None:
    engine = guarded("stub", lambda _: ["A" * (MAX_TEXT + 1), "B" * MAX_TEXT, ""])
    assert [len(symbol.text) for symbol in engine(drawn(TEXT))] == [MAX_TEXT]


def test_zbar_reads_alone_where_zxing_is_missing() -> None:
    reader = Reader(None, zbar_engine())
    assert [symbol.engine for symbol in reader.read(drawn(TEXT))] == ["pyzbar"]


def test_without_any_reader_the_kiosk_does_not_start() -> None:
    with pytest.raises(RuntimeError, match="no QR reader"):
        Reader(None, None)


def test_the_second_reader_looks_at_every_fifth_miss_off_the_decode_path() -> None:
    looks: list[int] = []

    def second(_: np.ndarray) -> tuple[Symbol, ...]:
        looks.append(1)
        return (Symbol(TEXT, "second"),)

    reader = Reader(lambda _: (), second)
    blank = np.zeros((120, 160), dtype=np.uint8)
    found: list[Symbol] = []
    for _ in range(200):
        found += reader.read(blank)
        if found:
            break
    assert [symbol.engine for symbol in found] == ["second"]
    assert len(looks) == 1
