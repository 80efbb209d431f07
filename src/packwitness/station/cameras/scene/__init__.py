"""The demo's packing bench, drawn: two cameras see one table on which parcel after parcel is packed."""

from packwitness.station.cameras.scene.clips import ClipStore
from packwitness.station.cameras.scene.drawing import render_cycle
from packwitness.station.cameras.scene.lens import View
from packwitness.station.cameras.scene.parcels import PARCELS, SceneLine, SceneParcel, SceneProduct
from packwitness.station.cameras.scene.stream import Scene, SceneBroken, ScenePacket
from packwitness.station.cameras.scene.timing import CYCLE_SECONDS, FPS, FRAMES

__all__ = [
    "CYCLE_SECONDS",
    "FPS",
    "FRAMES",
    "PARCELS",
    "ClipStore",
    "Scene",
    "SceneBroken",
    "SceneLine",
    "ScenePacket",
    "SceneParcel",
    "SceneProduct",
    "View",
    "render_cycle",
]
