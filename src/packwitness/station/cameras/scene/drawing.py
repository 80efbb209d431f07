"""From the story to pictures: which cut-outs, in which order, under which lens."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from packwitness.station.cameras.scene import carton, tools
from packwitness.station.cameras.scene.bench import background
from packwitness.station.cameras.scene.hands import HEIGHT_OF_HAND, Side, hand
from packwitness.station.cameras.scene.label import label
from packwitness.station.cameras.scene.lens import LENSES, Lens, View
from packwitness.station.cameras.scene.parcels import SceneParcel
from packwitness.station.cameras.scene.products import product, thickness
from packwitness.station.cameras.scene.relief import Pixels, Sprite, shadow
from packwitness.station.cameras.scene.stage import Layer, Stage, place
from packwitness.station.cameras.scene.story import SHUTTER, Key, Moment, Piece, Spot, Story
from packwitness.station.cameras.scene.timing import FPS, FRAMES

ELBOWS: dict[Side, float] = {"left": 345.0, "right": 690.0}


def render_cycle(parcel: SceneParcel, view: View) -> Iterator[Pixels]:
    """The frames of one cycle, `FRAMES` of them, BGR, 720 x 1280 x 3. Each array is the caller's to keep."""
    for frame in frames(parcel, view):
        yield frame.copy()


def frames(parcel: SceneParcel, view: View) -> Iterator[Pixels]:
    """As `render_cycle`, without the copy: each array is drawn over by the next step."""
    lens, story = LENSES[view], Story(parcel)
    stage = Stage(background(lens))
    for number in range(FRAMES):
        t = number / FPS
        yield stage.show(_layers(parcel, lens, story.at(t), story.at(t - SHUTTER)))


def _layers(parcel: SceneParcel, lens: Lens, now: Moment, before: Moment) -> list[Layer]:
    """From the table up."""
    layers: list[Layer | None] = []
    if now.tote is not None and lens.shows(*now.tote, 200):
        layers += _thing(tools.tote(lens.scale), lens, Spot(*now.tote, 20), reach=50)
    still = [(p, q) for p, q in _pairs(now, before) if not p.held and not p.boxed]
    for piece, _ in still:
        layers += _piece(piece, piece, lens)
    on_box = now.label is not None and now.carton is not None and now.label.z >= carton.TALL
    if not on_box:
        layers += _label(parcel, lens, now, before)
    if now.tape_gun.z <= 0:
        layers += _tape_gun(lens, now, before)
    if now.carton is not None:
        layers += _packed(lens, now.carton, now, before)
    if on_box:
        layers += _label(parcel, lens, now, before)
    for piece, earlier in _pairs(now, before):
        if piece.held:
            layers += _piece(piece, earlier, lens)
    if now.tape_gun.z > 0:
        layers += _tape_gun(lens, now, before)
    layers += _hand("left", now.left, before.left, lens) + _hand("right", now.right, before.right, lens)
    return [layer for layer in layers if layer is not None]


def _packed(lens: Lens, box: carton.Carton, now: Moment, before: Moment) -> list[Layer | None]:
    """The box and what is in it."""
    layers: list[Layer | None] = [carton.shadow(box, lens), carton.inside(box, lens)]
    for piece, earlier in _pairs(now, before):
        if piece.boxed:
            layers += _piece(piece, earlier, lens)
    if box.long_flaps < 180:
        layers.append(carton.dusk(box, lens))
    filling = _paper(lens, now, before)
    lids = [carton.flaps(box, lens, pair="short"), carton.flaps(box, lens, pair="long")]
    layers += [*filling, *lids] if now.paper_boxed else [*lids, *filling]
    return layers


def _pairs(now: Moment, before: Moment) -> list[tuple[Piece, Piece]]:
    earlier = before.pieces if len(before.pieces) == len(now.pieces) else now.pieces
    return list(zip(now.pieces, earlier, strict=True))


def _smear(now: Spot | Key, before: Spot | Key | None) -> tuple[float, float]:
    return (now.x - before.x, now.y - before.y) if before is not None else (0.0, 0.0)


def _thing(
    sprite: Sprite,
    lens: Lens,
    at: Spot,
    *,
    reach: float,
    ground: float = 0.0,
    grow: float = 1.0,
    smear: tuple[float, float] = (0.0, 0.0),
) -> list[Layer | None]:
    """A cut-out and its shadow on what lies `at.z - ground` below."""
    fall = max(at.z - ground, 0.0)
    dark = place(
        shadow_of(sprite, reach),
        lens,
        at.x + 0.30 * fall,
        at.y + 0.40 * fall,
        ground,
        turn=at.turn,
        grow=grow,
        smear=smear if reach < 8 else (0.0, 0.0),
        opacity=round(1 / (1 + fall / 260), 2),
    )
    return [dark, place(sprite, lens, at.x, at.y, at.z, turn=at.turn, smear=smear, grow=grow)]


@lru_cache(maxsize=48)
def shadow_of(sprite: Sprite, reach: float) -> Sprite:
    """The shadow of a cut-out, made once as long as the cut-out is in use."""
    return shadow(sprite, reach=reach)


def _piece(piece: Piece, earlier: Piece, lens: Lens) -> list[Layer | None]:
    if not lens.shows(piece.at.x, piece.at.y, 200):
        return []
    high = thickness(piece.product.shape)
    sprite = product(piece.product.shape, piece.product.colours, lens.scale)
    ground = piece.at.z if not piece.held else 20.0
    return _thing(sprite, lens, piece.at, reach=high * 0.8, ground=ground, smear=_smear(piece.at, earlier.at))


def _label(parcel: SceneParcel, lens: Lens, now: Moment, before: Moment) -> list[Layer | None]:
    at = now.label
    if at is None or not lens.shows(at.x, at.y, 160):
        return []
    ground = (
        carton.TALL + now.carton.lift
        if now.carton is not None and at.z >= carton.TALL and at.x < 720
        else 0.0
    )
    return _thing(
        label(parcel, lens.scale),
        lens,
        at,
        reach=3.0 if at.z - ground < 12 else 20.0,
        ground=ground,
        smear=_smear(at, before.label),
    )


def _paper(lens: Lens, now: Moment, before: Moment) -> list[Layer | None]:
    if now.paper is None:
        return []
    at, drawn = now.paper
    if not lens.shows(at.x, at.y, 200):
        return []
    smear = _smear(at, before.paper[0]) if before.paper is not None else (0.0, 0.0)
    return _thing(tools.crumpled(lens.scale), lens, at, reach=16, ground=at.z - 10, smear=smear, grow=drawn)


def _tape_gun(lens: Lens, now: Moment, before: Moment) -> list[Layer | None]:
    at = now.tape_gun
    if not lens.shows(at.x, at.y, 140):
        return []
    ground = carton.TALL if at.x < 720 and at.z > carton.TALL else 0.0
    return _thing(
        tools.tape_gun(lens.scale), lens, at, reach=30, ground=ground, smear=_smear(at, before.tape_gun)
    )


def _hand(side: Side, at: Key | None, before: Key | None, lens: Lens) -> list[Layer | None]:
    if at is None:
        return []
    elbow = ELBOWS[side] + 0.55 * (at.x - ELBOWS[side])
    turn = float(np.degrees(np.arctan2(at.x - elbow, 560.0)))
    close = lens.view == "label"
    if close and not lens.shows(at.x, at.y, 130):
        return []
    # Close up, hands are nearer to the lens than its focus: half the detail looks right and is drawn in a
    # third of the time.
    sprite = hand(at.pose, side, lens.scale * (0.55 if close else 1.0), 270.0 if close else 560.0)
    spot = Spot(at.x, at.y, at.z, turn)
    return _thing(
        sprite,
        lens,
        spot,
        reach=HEIGHT_OF_HAND,
        ground=0.0 if at.z < 60 else at.z * 0.6,
        smear=_smear(at, before),
    )
