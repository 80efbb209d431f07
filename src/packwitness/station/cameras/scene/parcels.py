"""The parcels of the demo: twelve orders with invented buyers. The hub's demo data comes from here too.

Nobody here exists: the mail domain is reserved, the telephone numbers lie in no used range. Tracking numbers
obey their courier's check digit where there is one (CJ: digits 3-11 mod 7; Lotte: the first 11 mod 7).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Shape = Literal["mug", "shirt", "book", "candle", "bottle", "bear", "tin", "soap"]
Language = Literal["ko", "en"]
Rgb = tuple[int, int, int]


class Colours(NamedTuple):
    """What tells two products of one shape apart."""

    main: Rgb
    second: Rgb


@dataclass(frozen=True)
class SceneProduct:
    sku: str
    name_ko: str
    name_en: str
    price_won: int
    shape: Shape
    colours: Colours


@dataclass(frozen=True)
class SceneLine:
    product: SceneProduct
    quantity: int = 1

    def name(self, language: Language) -> str:
        return self.product.name_ko if language == "ko" else self.product.name_en


@dataclass(frozen=True)
class SceneParcel:
    """One order in one box. `courier` is the carrier id of tracker.delivery, such as `kr.cjlogistics`."""

    tracking_number: str
    courier: str
    order_number: str
    buyer_name: str
    buyer_email: str
    buyer_phone: str
    language: Language
    lines: tuple[SceneLine, ...]

    def pieces(self) -> tuple[SceneProduct, ...]:
        """Every single thing that goes into the box, in the order of packing."""
        return tuple(line.product for line in self.lines for _ in range(line.quantity))


COURIERS: dict[str, str] = {
    "kr.cjlogistics": "CJ LOGISTICS",
    "kr.epost": "KOREA POST",
    "kr.lotte": "LOTTE LOGISTICS",
    "kr.hanjin": "HANJIN EXPRESS",
}

_CREAM, _GOLD = (244, 232, 206), (222, 190, 120)
WHITE_MUG = SceneProduct(
    "MUG-WHT",
    "손빚은 머그 · 화이트",
    "Hand-thrown mug, white",
    24000,
    "mug",
    Colours((232, 226, 214), (246, 242, 234)),
)
RED_MUG = SceneProduct(
    "MUG-TER",
    "손빚은 머그 · 테라코타",
    "Hand-thrown mug, terracotta",
    24000,
    "mug",
    Colours((190, 92, 62), (240, 226, 208)),
)
NAVY_SHIRT = SceneProduct(
    "TEE-NVY-M",
    "선라이즈 티셔츠 · 네이비 M",
    "Sunrise T-shirt, navy, M",
    32000,
    "shirt",
    Colours((46, 74, 112), (240, 190, 92)),
)
WHITE_SHIRT = SceneProduct(
    "TEE-WHT-L",
    "선라이즈 티셔츠 · 화이트 L",
    "Sunrise T-shirt, white, L",
    32000,
    "shirt",
    Colours((238, 236, 230), (70, 120, 110)),
)
NOVEL = SceneProduct(
    "BOOK-QH",
    "소설 『조용한 항구』",
    "The Quiet Harbour, a novel",
    16800,
    "book",
    Colours((38, 60, 92), (222, 120, 72)),
)
PLUM_NOVEL = SceneProduct(
    "BOOK-QH-SP",
    "소설 『조용한 항구』 특별판",
    "The Quiet Harbour, special edition",
    21000,
    "book",
    Colours((92, 44, 72), (232, 170, 150)),
)
CANDLE = SceneProduct(
    "CNDL-FIG", "무화과 소이 캔들", "Fig soy candle", 28000, "candle", Colours((150, 92, 48), _CREAM)
)
SERUM = SceneProduct(
    "SRM-50",
    "루미 카밍 세럼 50ml",
    "Lumi calm serum, 50 ml",
    39000,
    "bottle",
    Colours((140, 172, 160), (205, 164, 96)),
)
ROSE_SERUM = SceneProduct(
    "SRM-50-RS",
    "루미 로즈 세럼 50ml",
    "Lumi rose serum, 50 ml",
    39000,
    "bottle",
    Colours((222, 164, 160), (196, 150, 112)),
)
BEAR = SceneProduct(
    "BEAR-01", "곰인형 보리", "Bori the teddy bear", 35000, "bear", Colours((176, 126, 80), (232, 204, 166))
)
TEA = SceneProduct(
    "TEA-JJ", "제주 첫물 녹차", "Jeju first-flush green tea", 22000, "tin", Colours((62, 104, 78), _GOLD)
)
SOAP = SceneProduct(
    "SOAP-OLV",
    "올리브 월계수 비누",
    "Olive and bay leaf soap",
    9000,
    "soap",
    Colours((172, 184, 132), (84, 104, 62)),
)


def _parcel(
    tracking_number: str,
    courier: str,
    number: int,
    name: str,
    mail: str,
    phone: str,
    language: Language,
    *lines: SceneLine,
) -> SceneParcel:
    return SceneParcel(
        tracking_number,
        courier,
        f"PW-{10480 + number}",
        name,
        f"{mail}@example.com",
        f"010-0000-{phone}",
        language,
        lines,
    )


PARCELS: tuple[SceneParcel, ...] = (
    _parcel(
        "689012345672",
        "kr.cjlogistics",
        1,
        "김하늘",
        "haneul.kim",
        "1042",
        "ko",
        SceneLine(BEAR),
        SceneLine(RED_MUG),
        SceneLine(SOAP),
    ),
    _parcel(
        "689507312846",
        "kr.cjlogistics",
        2,
        "Emma Clarke",
        "emma.clarke",
        "2715",
        "en",
        SceneLine(NOVEL),
        SceneLine(TEA),
        SceneLine(CANDLE),
    ),
    _parcel(
        "6864013527418",
        "kr.epost",
        3,
        "이도윤",
        "doyun.lee",
        "3380",
        "ko",
        SceneLine(NAVY_SHIRT),
        SceneLine(SERUM),
    ),
    _parcel(
        "402133876152",
        "kr.lotte",
        4,
        "박서진",
        "seojin.park",
        "4127",
        "ko",
        SceneLine(WHITE_MUG, 2),
        SceneLine(TEA),
    ),
    _parcel(
        "689177402964",
        "kr.cjlogistics",
        5,
        "최나래",
        "narae.choi",
        "5096",
        "ko",
        SceneLine(ROSE_SERUM),
        SceneLine(SOAP, 2),
    ),
    _parcel(
        "689339182053",
        "kr.cjlogistics",
        6,
        "Daniel Okafor",
        "daniel.okafor",
        "6641",
        "en",
        SceneLine(WHITE_SHIRT),
        SceneLine(BEAR),
    ),
    _parcel(
        "508216734905",
        "kr.hanjin",
        7,
        "정우람",
        "uram.jung",
        "7218",
        "ko",
        SceneLine(CANDLE),
        SceneLine(PLUM_NOVEL),
        SceneLine(SOAP),
    ),
    _parcel(
        "689622048170",
        "kr.cjlogistics",
        8,
        "한지우",
        "jiwoo.han",
        "8053",
        "ko",
        SceneLine(TEA),
        SceneLine(RED_MUG),
        SceneLine(NOVEL),
    ),
    _parcel(
        "6864027739156",
        "kr.epost",
        9,
        "Mai Tran",
        "mai.tran",
        "8894",
        "en",
        SceneLine(SERUM),
        SceneLine(ROSE_SERUM),
    ),
    _parcel(
        "402988410764",
        "kr.lotte",
        10,
        "오시온",
        "sion.oh",
        "9175",
        "ko",
        SceneLine(NAVY_SHIRT),
        SceneLine(WHITE_SHIRT),
        SceneLine(SOAP),
    ),
    _parcel(
        "689088514396",
        "kr.cjlogistics",
        11,
        "윤가온",
        "gaon.yoon",
        "9460",
        "ko",
        SceneLine(BEAR),
        SceneLine(CANDLE),
    ),
    _parcel(
        "689744361023",
        "kr.cjlogistics",
        12,
        "서다온",
        "daon.seo",
        "9803",
        "ko",
        SceneLine(WHITE_MUG),
        SceneLine(PLUM_NOVEL),
        SceneLine(SERUM),
    ),
)
