"""A station's settings: one typed object, read once from ``station.toml`` and the command line.

``station.toml`` is written by ``packwitness station enrol`` and edited by people; each key is explained in
``docs/guides/station.md``, and a test holds the two together.
"""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    model_validator,
)

FILE_LIMIT = 1 << 20
BENCH_CAMERAS = 16
"""As many as a take holds."""
"""Largest settings file in bytes."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
KeyId = Annotated[str, StringConstraints(pattern=r"^ed25519:[0-9a-f]{64}$")]
CameraUrl = Annotated[str, StringConstraints(min_length=3, max_length=2_000)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class SettingsError(Exception):
    """The settings cannot be used; the text names the file, the key and what to do."""


class Section(BaseModel):
    """Base of all sections: a key that is not known is a mistake, most often a slip of the pen."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class HubSettings(Section):
    """The hub this station is enrolled at, as ``enrol`` wrote it."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^/]+", max_length=500)]
    organisation: Identifier
    organisation_name: Name
    station: Identifier
    station_name: Name
    key: KeyId


class BenchSettings(Section):
    """A place where parcels are handled."""

    id: Identifier
    name: Name
    logic: str | None = None


class CameraSettings(Section):
    """A camera. ``url`` may hold a password, so it never goes into a log; ``look`` as well, where it is the
    address of a smaller stream of the same camera.
    """

    id: Identifier
    url: CameraUrl
    name: str = ""
    bench: Identifier | None = None
    look: StrictBool | CameraUrl | None = None
    region: tuple[Fraction, Fraction, Fraction, Fraction] | None = None
    audio: bool = False

    @model_validator(mode="after")
    def _region_is_one(self) -> "CameraSettings":
        if self.region and not (self.region[0] < self.region[2] and self.region[1] < self.region[3]):
            raise ValueError("region is left, top, right, bottom: left < right and top < bottom")
        return self

    @property
    def look_url(self) -> str | None:
        """The address of the smaller stream in which labels are looked for, if there is one."""
        return self.look if isinstance(self.look, str) else None

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name or self.id.replace("-", " ").replace("_", " ").capitalize()


class KioskSettings(Section):
    """Where the packer's screen is served. Loopback, unless the screen is another machine."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8750
    names: list[str] = []
    picture_origins: list[Annotated[str, StringConstraints(pattern=r"^https?://[^/]+$")]] = []


class DiskSettings(Section):
    """How long films stay here after the hub's receipt, and what counts as low and as full."""

    keep_hours: Annotated[float, Field(ge=0, le=10_000)] = 24
    low_mb: Annotated[int, Field(ge=0)] = 2_000
    full_mb: Annotated[int, Field(ge=0)] = 300
    budget_gb: Annotated[float, Field(ge=0, le=1_000_000)] = 0

    @model_validator(mode="after")
    def _full_is_below_low(self) -> "DiskSettings":
        if self.full_mb > self.low_mb:
            raise ValueError("full_mb must not be greater than low_mb")
        return self


class UploadSettings(Section):
    """How films go up. ``proxy`` is for where the environment does not name one."""

    max_mbit: Annotated[float, Field(ge=0, le=100_000)] = 0
    proxy: Annotated[str, StringConstraints(pattern=r"^(https?://[^/]+/?)?$", max_length=500)] = ""


class Settings(Section):
    """All of ``station.toml``."""

    hub: HubSettings
    benches: Annotated[list[BenchSettings], Field(min_length=1, max_length=200)]
    cameras: Annotated[list[CameraSettings], Field(max_length=800)] = []
    logic: str = "laid-lifted"
    pre_roll_s: Annotated[float, Field(ge=0, le=60)] = 3
    post_roll_s: Annotated[float, Field(ge=0, le=60)] = 0
    late_scan_s: Annotated[float, Field(ge=0, le=60)] = 5
    ring_mb: Annotated[int, Field(ge=1, le=4_096)] = 64
    recorder_cameras: Annotated[int, Field(ge=1, le=64)] = 8
    matrix_codes: bool = False
    clock_limit_ms: Annotated[int, Field(ge=1)] = 2_000
    language: Literal["en", "ko"] = "en"
    log: Literal["debug", "info", "warning", "error"] = "info"
    kiosk: KioskSettings = KioskSettings()
    disk: DiskSettings = DiskSettings()
    upload: UploadSettings = UploadSettings()

    @model_validator(mode="after")
    def _names_fit(self) -> "Settings":
        benches = [bench.id for bench in self.benches]
        for kind, ids in (("benches", benches), ("cameras", [camera.id for camera in self.cameras])):
            if len(set(ids)) != len(ids):
                raise ValueError(f"two of the {kind} have the same id")
        for camera in self.cameras:
            if camera.bench is not None and camera.bench not in benches:
                raise ValueError(
                    f"camera {camera.id} names bench {camera.bench}; there are: {', '.join(benches)}"
                )
            if camera.bench is None and len(benches) > 1:
                raise ValueError(f"camera {camera.id} must say at which bench it is: {', '.join(benches)}")
        for bench in benches:
            if len(self.cameras_of(bench)) > BENCH_CAMERAS:
                raise ValueError(
                    f"bench {bench} has more than {BENCH_CAMERAS} cameras; no take can hold them"
                )
        return self

    def cameras_of(self, bench: str) -> list[CameraSettings]:
        """Return a bench's cameras."""
        return [camera for camera in self.cameras if camera.bench in (bench, None)]

    def lookers_of(self, bench: str) -> list[CameraSettings]:
        """Return the cameras of a bench that look for labels: those that say so, else the one called
        ``label``, else the first.
        """
        cameras = self.cameras_of(bench)
        told = [camera for camera in cameras if camera.look]
        rest = [camera for camera in cameras if camera.look is None]
        return told or [camera for camera in rest if camera.id == "label"][:1] or rest[:1]

    def logic_of(self, bench: str) -> str:
        """Return the id of the recording logic of a bench."""
        return next((one.logic for one in self.benches if one.id == bench and one.logic), self.logic)


def read_settings(path: Path) -> Settings:
    """Read ``station.toml``.

    Raises:
        SettingsError: there is none, it is no TOML, or a key is unknown or has a value that does not fit.
    """
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise SettingsError(f"larger than {FILE_LIMIT} bytes; settings are a few lines.")
        return parse_settings(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(
            f"There is no station in {path.parent}. "
            "Run 'packwitness station enrol HUB_URL CODE' first, or name its folder with --data."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error


def parse_settings(text: str) -> Settings:
    """Read the text of a ``station.toml``.

    Raises:
        SettingsError: it is no TOML, or a key is unknown or has a value that does not fit.
    """
    try:
        return Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(str(error)) from error
    except ValidationError as error:
        raise SettingsError(explain(error)) from error


def explain(error: ValidationError) -> str:
    """Say in one line which keys do not fit and why."""
    return "; ".join(_one(problem["type"], problem["loc"], problem["msg"]) for problem in error.errors())


def _one(kind: str, place: tuple[int | str, ...], text: str) -> str:
    key = ".".join(str(part) for part in place)
    if kind == "extra_forbidden":
        return f"'{key}' is no setting of a station (see docs/guides/station.md)"
    return f"{key}: {text}" if key else text


def cameras_from_words(words: Iterable[str]) -> list[CameraSettings]:
    """Read ``--camera NAME=URL`` or ``--camera URL``: without a name the first is 'overhead', the second
    'label', and further ones 'camera-3' and so on.

    Raises:
        SettingsError: a name or an address cannot be one.
    """
    cameras = []
    for number, word in enumerate(words, start=1):
        name, url = {1: "overhead", 2: "label"}.get(number, f"camera-{number}"), word
        if named := re.match(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})=(.+)$", word):
            name, url = named[1].lower(), named[2]
        if not urlsplit(url).scheme:
            raise SettingsError(
                "A camera is given as --camera NAME=URL or --camera URL; "
                "its URL begins with rtsp://, http://, usb:, file: or scene:."
            )
        try:
            cameras.append(CameraSettings(id=name, url=url))
        except ValidationError as error:
            raise SettingsError(f"--camera {name}=…: {explain(error)}") from error
    return cameras


def with_options(settings: Settings, *, cameras: list[CameraSettings], **changes: object) -> Settings:
    """Return the settings with what the command line said instead; None changes nothing.

    ``changes`` are top-level keys, or ``kiosk_port``.

    Raises:
        SettingsError: the outcome does not fit together.
    """
    values = settings.model_dump()
    port = changes.pop("kiosk_port", None)
    if port is not None:
        values["kiosk"]["port"] = port
    if cameras:
        values["cameras"] = [camera.model_dump() for camera in cameras]
    values.update({key: value for key, value in changes.items() if value is not None})
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(explain(error)) from error


def render(hub: HubSettings, benches: Iterable[BenchSettings]) -> str:
    """Return the text of a new ``station.toml``, with what can be set written out as comments."""
    defaults = Settings.model_construct(hub=hub, benches=[])
    rows = "\n".join(_bench_rows(bench) for bench in benches)
    return f"""# Written by 'packwitness station enrol'. What each key means: docs/guides/station.md.
# A line that begins with # is a default or an example; take the # away to change it.

# How a film begins and ends: "laid-lifted", "scan-rescan" or "scan-next".
# logic = {toml_text(defaults.logic)}
# Seconds of film from before the scan.
# pre_roll_s = {defaults.pre_roll_s:g}
# Seconds of film after the end; the bench is free for the next parcel at once.
# post_roll_s = {defaults.post_roll_s:g}
# How late another program's scan may arrive and still have its film cut backwards.
# late_scan_s = {defaults.late_scan_s:g}
# Megabytes of memory for the last seconds of each camera.
# ring_mb = {defaults.ring_mb}
# Cameras that share a process; a bench is never split.
# recorder_cameras = {defaults.recorder_cameras}
# Look for QR codes and DataMatrix in view too; costs several times the CPU.
# matrix_codes = false
# Alarm when this computer's clock differs from the hub's by more.
# clock_limit_ms = {defaults.clock_limit_ms}
# The kiosk's language.
# language = {toml_text(defaults.language)}
# log = {toml_text(defaults.log)}

[hub]
url = {toml_text(hub.url)}
organisation = {toml_text(hub.organisation)}
organisation_name = {toml_text(hub.organisation_name)}
station = {toml_text(hub.station)}
station_name = {toml_text(hub.station_name)}
key = {toml_text(hub.key)}

{rows}
# [[cameras]]
# id = "overhead"
# url = "rtsp://user:password@192.168.1.20/stream1"
#
# [[cameras]]
# id = "label"
# url = "rtsp://user:password@192.168.1.21/stream1"
# look = true                        # this one looks for labels; or the address of its smaller stream
# region = [0.1, 0.1, 0.9, 0.9]      # only here: left, top, right, bottom as fractions

# [kiosk]
# host = {toml_text(defaults.kiosk.host)}
# port = {defaults.kiosk.port}
# names = ["packing-1.shop.lan"]                      # further names it may be opened by
# picture_origins = ["https://cdn.shop.example"]      # where product pictures come from, beside the hub

# [disk]
# keep_hours = {defaults.disk.keep_hours:g}
# low_mb = {defaults.disk.low_mb}
# full_mb = {defaults.disk.full_mb}
# budget_gb = {defaults.disk.budget_gb:g}

# [upload]
# max_mbit = {defaults.upload.max_mbit:g}
# proxy = ""                         # such as "http://proxy.shop.lan:3128"
"""


def _bench_rows(bench: BenchSettings) -> str:
    rows = f"[[benches]]\nid = {toml_text(bench.id)}\nname = {toml_text(bench.name)}\n"
    return rows if bench.logic is None else rows + f"logic = {toml_text(bench.logic)}\n"


def toml_text(value: str) -> str:
    """Return a TOML basic string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
