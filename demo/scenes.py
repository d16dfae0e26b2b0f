"""What the demonstration's camera looks at: official pictures, and a few that must be turned away."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import zxingcpp
from forge import with_broken_signature

from hardware.scene import render
from healthcert import DEFAULT_POLICY, judge
from healthcert.trust import parse_trust_object

ROOT = Path(__file__).resolve().parents[1]
# The official certificates were issued in 2021 and have all expired since; on this day most of them count.
DEMO_NOW = datetime(2021, 9, 15, 12, tzinfo=UTC)
GOOD, GOOD_PER_COUNTRY, EXPIRED = 16, 2, 3
NOT_CERTIFICATES = ("https://example.org/thuc-don", "WIFI:T:nopass;S:Phong cho;;")
MODULE_PX = 6


@dataclass(frozen=True, slots=True)
class Vector:
    """One official vector: its text, the picture of it (PNG, maybe absent) and the signer's certificate."""

    name: str
    country: str
    text: str
    picture: bytes | None
    signer: str


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing held before the camera."""

    title: str
    picture: bytes


def testdata() -> Path:
    """The official vectors beside the clone, else the sample inside it."""
    shared = Path(os.environ.get("CONG_XANH_TESTDATA", ROOT.parent / "shared" / "testdata")) / "dgc"
    return shared if shared.is_dir() else ROOT / "tests" / "vectors" / "sample"


def load_vectors(folder: Path) -> list[Vector]:
    """Every vector under `folder` that has a text and a signer."""
    return [
        vector
        for path in sorted(folder.rglob("*.json"))
        for vector in _parse(path.relative_to(folder), path.read_bytes())
    ]


def trust_object(vectors: list[Vector], without: str | None = None) -> dict[str, Any]:
    """The trust object of all signers, except the one named by its certificate."""
    signers = sorted({vector.signer for vector in vectors} - {without})
    return {"keys": [{"x5c": [signer], "formats": ["eu-dcc"]} for signer in signers]}


def choose(vectors: list[Vector]) -> tuple[list[Scene], dict[str, Any]]:
    """The scenes in the order they are shown, and the trust object they are judged against.

    Errors: LookupError when the vectors hold no good certificate.
    """
    everyone = parse_trust_object(trust_object(vectors))
    good: list[Vector] = []
    expired: list[Vector] = []
    per_country: Counter[str] = Counter()
    for vector in vectors:
        if vector.picture is None or cv2.imdecode(_array(vector.picture), cv2.IMREAD_GRAYSCALE) is None:
            continue
        verdict = judge(vector.text, everyone, DEFAULT_POLICY, DEMO_NOW)
        if not verdict.reasons and per_country[vector.country] < GOOD_PER_COUNTRY:
            per_country[vector.country] += 1
            good.append(vector)
        elif verdict.reasons == ("time.expired",):
            expired.append(vector)
    if not good:
        message = "the vectors hold no good certificate with a picture"
        raise LookupError(message)
    good, others = good[:GOOD], good[GOOD:]
    kept = {vector.signer for vector in good}
    stranger = next((vector for vector in others if vector.signer not in kept), None)
    scenes = [_scene("good", vector) for vector in good]
    scenes[3:3] = [Scene("wrong signature", draw(_forged(vectors, good[0])))]
    scenes[7:7] = [_scene("expired", vector) for vector in expired[:EXPIRED]]
    scenes += [Scene("not a certificate", draw(text)) for text in NOT_CERTIFICATES]
    if stranger is not None:
        scenes.append(_scene("unknown signer", stranger))
    return scenes, trust_object(vectors, without=stranger.signer if stranger else None)


def write_frames(scenes: list[Scene], folder: Path, *, hold_s: float, pause_s: float) -> Path:
    """Render the scenes as 1280x720 frames into `folder`; returns the camera script (seconds each)."""
    folder.mkdir(parents=True, exist_ok=True)
    script: list[dict[str, Any]] = []
    _write(folder / "desk.png", render(None))
    for number, scene in enumerate(scenes):
        name = f"{number:03d}.png"
        _write(folder / name, render(scene.picture, seed=number))
        script.append({"file": name, "hold": hold_s})
        if pause_s:
            script.append({"file": "desk.png", "hold": pause_s})
    path = folder / "script.json"
    path.write_text(json.dumps(script), encoding="utf-8")
    return path


def draw(text: str) -> bytes:
    """A QR code of `text` as PNG."""
    barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    return _png(np.asarray(barcode.to_image(scale=MODULE_PX)))


def _forged(vectors: list[Vector], model: Vector) -> str:
    """The official vector with the wrong signature; without it, a good text with one character changed."""
    for vector in vectors:
        if Path(vector.name).stem.partition("-")[0].upper() == "CO5":
            return vector.text
    return with_broken_signature(model.text)


def _scene(title: str, vector: Vector) -> Scene:
    return Scene(f"{title}: {vector.name}", vector.picture or draw(vector.text))


def _parse(name: Path, raw: bytes) -> Iterator[Vector]:
    try:
        content = json.loads(raw.decode("utf-8-sig"))
    except ValueError:
        return
    if not isinstance(content, Mapping) or not isinstance(content.get("PREFIX"), str):
        return
    signer = content.get("TESTCTX", {}).get("CERTIFICATE")
    if not isinstance(signer, str) or not signer:
        return
    picture: bytes | None = None
    if isinstance(content.get("2DCODE"), str):
        try:
            picture = base64.b64decode(content["2DCODE"])
        except binascii.Error:
            picture = None
    yield Vector(name.as_posix(), name.parts[0], content["PREFIX"], picture or None, signer)


def _array(data: bytes) -> Any:
    return np.frombuffer(data, dtype=np.uint8)


def _png(pixels: Any) -> bytes:
    return bytes(cv2.imencode(".png", pixels)[1])


def _write(path: Path, pixels: Any) -> None:
    path.write_bytes(bytes(cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]))
