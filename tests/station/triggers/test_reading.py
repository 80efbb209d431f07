"""Reading real barcodes, in a region, turned, and without reading again what did not change."""

import functools
import pickle
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

from packwitness.station.triggers import reading
from packwitness.station.triggers.heard import SeenCode
from packwitness.station.triggers.reading import CodeReader, read_codes

CODE = "607812345678"


def _picture(
    text: str = CODE, fmt: zxingcpp.BarcodeFormat = zxingcpp.BarcodeFormat.Code128, x: int = 900, y: int = 500
) -> NDArray[np.uint8]:
    picture = np.full((1080, 1920), 200, np.uint8)
    label = np.array(zxingcpp.create_barcode(text, fmt).to_image(scale=3))
    picture[y : y + label.shape[0], x : x + label.shape[1]] = label
    return picture


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_in_any_direction(turns: int) -> None:
    picture = np.rot90(_picture(), turns)
    (seen,) = read_codes(picture)
    assert (seen.text, seen.symbology) == (CODE, "Code128")
    x, y = round(seen.centre[0] * picture.shape[1]), round(seen.centre[1] * picture.shape[0])
    assert picture[y - 20 : y + 20, x - 20 : x + 20].min() == 0, "the centre lies in the code"


def test_region_limits_the_search_and_centres_stay_in_the_whole_picture() -> None:
    picture = _picture()
    (whole,) = read_codes(picture)
    (cut,) = read_codes(picture, (0.4, 0.4, 1.0, 1.0))
    assert cut.centre == pytest.approx(whole.centre, abs=0.01)
    assert read_codes(picture, (0.0, 0.0, 0.4, 1.0)) == ()
    assert read_codes(picture, (0.9999, 0.9999, 1.0, 1.0)) == ()


def test_kinds() -> None:
    assert [seen.symbology for seen in read_codes(_picture("12345678", zxingcpp.BarcodeFormat.ITF))] == [
        "ITF"
    ]
    qr = _picture("PARCEL-1234", zxingcpp.BarcodeFormat.QRCode)
    assert read_codes(qr) == ()
    assert [seen.symbology for seen in read_codes(qr, matrix=True)] == ["QRCode"]
    assert read_codes(_picture("8801234567893", zxingcpp.BarcodeFormat.EAN13)) == ()


def test_a_still_picture_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    really_read = reading.read_codes

    def counted(
        gray: NDArray[np.uint8],
        region: tuple[float, float, float, float] | None = None,
        *,
        matrix: bool = False,
    ) -> tuple[SeenCode, ...]:
        read.append(1)
        return really_read(gray, region, matrix=matrix)

    monkeypatch.setattr(reading, "read_codes", counted)
    reader, noise = CodeReader(again_every=15), np.random.default_rng(1)
    picture = _picture()
    for _ in range(12):
        noisy = np.clip(picture + noise.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)
        assert [seen.text for seen in reader(noisy)] == [CODE]
    assert len(read) == 1
    # A label of 3 % of the picture moves: read at once.
    assert [seen.text for seen in reader(_picture(x=300))] == [CODE]
    assert len(read) == 2
    assert reader(np.full((1080, 1920), 200, np.uint8)) == ()
    for _ in range(32):
        reader(np.full((1080, 1920), 200, np.uint8))
    assert len(read) == 5, "afresh every sixteenth picture"


def test_goes_to_another_process(tmp_path: Path) -> None:
    reader = CodeReader(matrix=True, again_every=3)
    reader(_picture())
    again = pickle.loads(pickle.dumps(reader))  # noqa: S301 (our own bytes)
    assert vars(again) == {"_matrix": True, "_again_every": 3, "_last": {}}
    partial = pickle.loads(pickle.dumps(functools.partial(read_codes, region=(0.4, 0.4, 1.0, 1.0))))  # noqa: S301
    assert [seen.text for seen in partial(_picture())] == [CODE]
