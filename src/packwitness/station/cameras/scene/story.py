"""What stands where at a moment of a cycle: the choreography, free of any drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from packwitness.station.cameras.scene import timing
from packwitness.station.cameras.scene.carton import FLAP, HALF_W, OPEN, TALL, Carton
from packwitness.station.cameras.scene.hands import Pose
from packwitness.station.cameras.scene.parcels import SceneParcel, SceneProduct
from packwitness.station.cameras.scene.products import half_size, thickness
from packwitness.station.cameras.scene.tools import TAPE_REST

BOX = (498.0, 394.0)
PAD = (1000.0, 388.0)
TOTE = (88.0, 392.0)
LABEL_ON_BOX = (8.0, 4.0)
LABEL_HOLD = (157.0, -4.0)  # from its middle to the hand: the thumb is on its edge, clear of the barcode
TAPE_HOLD = (27.0, 58.0)
SHUTTER = 0.2 / timing.FPS  # seconds a frame is exposed


class Key(NamedTuple):
    t: float
    x: float
    y: float
    z: float = 30.0
    pose: Pose = "flat"


class Spot(NamedTuple):
    x: float
    y: float
    z: float
    turn: float = 0.0


@dataclass(frozen=True)
class Piece:
    product: SceneProduct
    at: Spot
    boxed: bool
    held: bool


@dataclass(frozen=True)
class Moment:
    """Everything that can move. None: not there."""

    label: Spot | None
    tote: tuple[float, float] | None
    pieces: tuple[Piece, ...]
    carton: Carton | None
    paper: tuple[Spot, float] | None  # and how large it is by now, 0..1
    paper_boxed: bool
    tape_gun: Spot
    left: Key | None
    right: Key | None


def follow(track: Sequence[Key], t: float) -> Key | None:
    """Where a hand is; None before its first and after its last key."""
    if not track or t < track[0].t or t >= track[-1].t:
        return None
    for before, after in pairwise(track):
        if t < after.t:
            s = timing.Span(before.t, after.t).share(t)
            return Key(
                t,
                before.x + (after.x - before.x) * s,
                before.y + (after.y - before.y) * s,
                before.z + (after.z - before.z) * s,
                before.pose,
            )
    return None


def carried(track: Sequence[Key], t: float) -> Key:
    """Where the hand is that carries something just now; it must be there."""
    hand = follow(track, t)
    if hand is None:
        raise LookupError(f"No hand at {t:.2f} s: the table in timing.py and the tracks disagree.")
    return hand


class Story:
    """One parcel's way over the bench."""

    def __init__(self, parcel: SceneParcel) -> None:
        self._pieces = parcel.pieces()
        self._lean = (int(parcel.tracking_number[-1]) % 5 - 2) * 0.7
        self._grabs = [self._step(k, 0.24) for k in range(len(self._pieces))]
        self._drops = [self._step(k, 0.70) for k in range(len(self._pieces))]
        self._left = self._left_track()
        self._right = self._right_track()

    def at(self, t: float) -> Moment:
        carton = self._carton(t)
        return Moment(
            label=self._label(t, carton),
            tote=self._tote(t),
            pieces=tuple(self._piece(k, t, carton) for k in range(len(self._pieces)) if self._there(k, t)),
            carton=carton,
            paper=self._paper(t),
            paper_boxed=t >= timing.PAPER_IN.end,
            tape_gun=self._tape_gun(t),
            left=follow(self._left, t),
            right=follow(self._right, t),
        )

    def _step(self, k: int, share: float) -> float:
        each = (timing.PACKING.end - timing.PACKING.start) / len(self._pieces)
        return timing.PACKING.start + (k + share) * each

    def _tote(self, t: float) -> tuple[float, float] | None:
        if t < timing.TOTE_COMES.start or t >= timing.TOTE_GOES.end:
            return None
        y = -220 + (TOTE[1] + 220) * timing.TOTE_COMES.share(t) + 560 * timing.TOTE_GOES.share(t)
        return TOTE[0], y

    def _there(self, k: int, t: float) -> bool:
        """Until the flaps are shut over it."""
        return timing.TOTE_COMES.start <= t < timing.LONG_FLAPS.end

    def _in_tote(self, k: int) -> Spot:
        product = self._pieces[k]
        half_w, half_d = half_size(product.shape)
        lying = 90.0 if half_d > half_w + 5 else 0.0
        step = min(118.0, 250.0 / max(len(self._pieces) - 1, 1))
        y = (k - (len(self._pieces) - 1) / 2) * step
        return Spot((k % 2) * 6 - 3, y, 10 + thickness(product.shape) / 2, lying + (k * 37 % 13 - 6))

    def _in_box(self, k: int) -> Spot:
        count = len(self._pieces)
        step = 112.0 if count == 3 else 158.0
        return Spot(
            (k - (count - 1) / 2) * step,
            (k * 29 % 17) - 8.0,
            6 + thickness(self._pieces[k].shape) / 2,
            (k * 53 % 11) - 5.0,
        )

    def _piece(self, k: int, t: float, carton: Carton | None) -> Piece:
        product, home, goal = self._pieces[k], self._in_tote(k), self._in_box(k)
        if t < self._grabs[k]:
            tote = self._tote(t) or TOTE
            return Piece(product, Spot(tote[0] + home.x, tote[1] + home.y, home.z, home.turn), False, False)
        if t < self._drops[k]:
            hand = carried(self._left, t)
            s = timing.Span(self._grabs[k], self._drops[k]).share(t)
            x, y = _held(product)
            turn = home.turn + (goal.turn - home.turn) * s
            return Piece(product, Spot(hand.x - x, hand.y - y, max(hand.z - 22, 6), turn), False, True)
        box = carton or Carton(*BOX)
        return Piece(product, Spot(box.x + goal.x, box.y + goal.y, goal.z, goal.turn), True, False)

    def _left_track(self) -> list[Key]:
        bx, by = BOX
        keys = [Key(1.2, 330, 1010), *_box_arrives(-1)]
        for k, product in enumerate(self._pieces):
            hx, hy = _held(product)
            home, goal = self._in_tote(k), self._in_box(k)
            each = self._drops[k] - self._grabs[k]
            from_x, from_y = TOTE[0] + home.x + hx, TOTE[1] + home.y + hy
            to_x, to_y = bx + goal.x + hx, by + goal.y + hy
            keys += [
                Key(self._grabs[k] - 0.10, from_x, from_y, home.z + 22, "grip"),
                Key(self._grabs[k], from_x, from_y, home.z + 22, "grip"),
                Key(
                    self._grabs[k] + each * 0.55,
                    from_x + (to_x - from_x) * 0.72,
                    from_y + (to_y - from_y) * 0.72,
                    215,
                    "grip",
                ),
                Key(self._drops[k], to_x, to_y, goal.z + 22, "grip"),
                Key(self._drops[k] + 0.10, to_x, to_y + 4, goal.z + 30, "grip"),
            ]
        keys += _paper_keys(-1) + _flap_keys(-1)
        return [
            *keys,
            # Out of the way of the tape, and back for the lifting.
            Key(timing.TAPE_GRIPPED, bx - 120, by + 470, TALL, "flat"),
            Key(timing.LABEL_MOVES.start, bx - 170, by + 470, TALL, "flat"),
            *_parcel_leaves(-1),
        ]

    def _right_track(self) -> list[Key]:
        bx, by = BOX
        hx, hy = PAD[0] + LABEL_HOLD[0], PAD[1] + LABEL_HOLD[1]
        comes, still = timing.LABEL_COMES, timing.HAND_LEAVES_LABEL
        keys = [
            Key(comes.start, hx + 26, hy + 520, 26, "grip"),
            Key(comes.end, hx, hy, 14, "grip"),
            Key(still.start, hx, hy, 14, "grip"),
            Key(still.start + 0.12, hx + 20, hy + 40, 50, "flat"),
            *_box_arrives(1),
        ]
        for k in range(len(self._pieces)):
            sway = 14 if k % 2 else 0
            keys += [
                Key(self._grabs[k] + 0.1, bx + 240 + sway / 2, by + 122 - sway, TALL - 6, "flat"),
                Key(self._drops[k], bx + 234 + sway / 2, by + 114 - sway, TALL - 6, "flat"),
            ]
        keys += _paper_keys(1) + _flap_keys(1)
        seam = by - 4
        return [
            *keys,
            Key(timing.TAPE_GRIPPED, TAPE_REST[0] + TAPE_HOLD[0], TAPE_REST[1] + TAPE_HOLD[1], 50, "grip"),
            Key(
                timing.TAPE_FETCHED.end,
                bx - HALF_W + TAPE_HOLD[0] - 34,
                seam + TAPE_HOLD[1],
                TALL + 40,
                "grip",
            ),
            Key(
                timing.TAPE_DRAWN.start,
                bx - HALF_W + TAPE_HOLD[0] - 34,
                seam + TAPE_HOLD[1],
                TALL + 30,
                "grip",
            ),
            Key(
                timing.TAPE_DRAWN.end, bx + HALF_W + TAPE_HOLD[0] - 34, seam + TAPE_HOLD[1], TALL + 30, "grip"
            ),
            Key(
                timing.TAPE_BACK.end - 0.04,
                TAPE_REST[0] + TAPE_HOLD[0],
                TAPE_REST[1] + TAPE_HOLD[1],
                50,
                "grip",
            ),
            Key(timing.HAND_AT_LABEL, hx, hy, 14, "grip"),
            Key(timing.LABEL_MOVES.start, hx, hy, 14, "grip"),
            Key(
                (timing.LABEL_MOVES.start + timing.LABEL_MOVES.end) / 2,
                (hx + bx + LABEL_ON_BOX[0] + LABEL_HOLD[0]) / 2,
                hy - 20,
                190,
                "grip",
            ),
            Key(
                timing.LABEL_MOVES.end,
                bx + LABEL_ON_BOX[0] + LABEL_HOLD[0],
                by + LABEL_ON_BOX[1] + LABEL_HOLD[1],
                TALL + 16,
                "grip",
            ),
            Key(timing.LABEL_MOVES.end + 0.06, bx + 20, by + 60, TALL + 20, "flat"),
            *_parcel_leaves(1),
        ]

    def _label(self, t: float, carton: Carton | None) -> Spot | None:
        if t < timing.LABEL_COMES.start or t >= timing.EMPTY_AGAIN:
            return None
        if t < timing.LABEL_COMES.end or timing.LABEL_MOVES.start <= t < timing.LABEL_MOVES.end:
            hand = carried(self._right, t)
            return Spot(hand.x - LABEL_HOLD[0], hand.y - LABEL_HOLD[1], max(hand.z - 14, 0), self._lean)
        if t < timing.LABEL_MOVES.start:
            return Spot(*PAD, 0, self._lean)
        box = carton or Carton(*BOX)
        return Spot(box.x + LABEL_ON_BOX[0], box.y + LABEL_ON_BOX[1], box.lift + TALL + 2, self._lean)

    def _carton(self, t: float) -> Carton | None:
        if t < timing.BOX_COMES.start or t >= timing.EMPTY_AGAIN:
            return None
        away = timing.PARCEL_GOES.share(t)
        coming = 1 - timing.BOX_COMES.share(t)
        turn = 180 - OPEN
        return Carton(
            BOX[0] - 90 * away,
            BOX[1] + 640 * coming + 680 * away,
            110 * min(1.0, away * 3),
            OPEN + turn * timing.SHORT_FLAPS.share(t),
            OPEN + turn * timing.LONG_FLAPS.share(t),
            timing.TAPE_DRAWN.share(t),
        )

    def _paper(self, t: float) -> tuple[Spot, float] | None:
        if t < timing.PAPER_DRAWN.start or t >= timing.LONG_FLAPS.end:
            return None
        s, drawn = timing.PAPER_IN.share(t), timing.PAPER_DRAWN.share(t)
        y = 122 + 50 * drawn + (BOX[1] - 172) * s
        return Spot(
            486 + (BOX[0] - 486) * s, y, 50 + 120 * s * (1 - s) * 3 + 40 * s, -4 * s
        ), 0.40 + 0.28 * drawn + 0.32 * s

    def _tape_gun(self, t: float) -> Spot:
        if timing.TAPE_GRIPPED <= t < timing.TAPE_BACK.end - 0.04:
            hand = carried(self._right, t)
            return Spot(hand.x - TAPE_HOLD[0], hand.y - TAPE_HOLD[1], hand.z - 20)
        return Spot(*TAPE_REST, 0)


def _held(product: SceneProduct) -> tuple[float, float]:
    """From the middle of a product to the hand that carries it: over its near half."""
    return 4.0, min(half_size(product.shape)[1], 56.0) * 0.45


def _box_arrives(side: int) -> list[Key]:
    """Both hands carry the open box in."""
    x, y = BOX[0] + side * (HALF_W + 26), BOX[1] + 86
    s = timing.BOX_COMES
    return [
        Key(s.start, x, y + 640, TALL),
        Key(s.end, x, y, TALL),
        Key(s.end + 0.08, x + side * 6, y + 6, TALL + 10),
    ]


def _paper_keys(side: int) -> list[Key]:
    bx, by = BOX
    return [
        Key(timing.PAPER_DRAWN.start, 486 + side * 66, 142, 60, "grip"),
        Key(timing.PAPER_DRAWN.end, 486 + side * 92, 204, 70, "grip"),
        Key(timing.PAPER_IN.end, bx + side * 108, by + 48, 120, "flat"),
        Key(timing.PAPER_IN.end + 0.10, bx + side * 100, by + 44, 105, "flat"),
    ]


def _flap_keys(side: int) -> list[Key]:
    """First each hand its short flap, then one the near and one the far long flap."""
    bx, by = BOX
    far = by + (-96 if side > 0 else 150)
    return [
        Key(timing.SHORT_FLAPS.start, bx + side * (HALF_W + FLAP * 0.75), by + 40, TALL - 10, "flat"),
        Key(timing.SHORT_FLAPS.end, bx + side * (HALF_W - FLAP * 0.5), by + 40, TALL + 20, "flat"),
        Key(timing.LONG_FLAPS.start, bx + side * 92, far + (-60 if side > 0 else 66), TALL, "flat"),
        Key(timing.LONG_FLAPS.end, bx + side * 70, by + (14 if side > 0 else 70), TALL + 22, "flat"),
    ]


def _parcel_leaves(side: int) -> list[Key]:
    x, y = BOX[0] + side * (HALF_W + 14), BOX[1] + 70
    s = timing.PARCEL_GOES
    return [
        Key(s.start, x, y, TALL - 30),
        Key(s.end, x - 90, y + 680, TALL + 90),
        Key(timing.EMPTY_AGAIN + 0.2, x - 90, y + 760, 60),
    ]
