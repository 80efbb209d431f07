"""Evidence as files: written as a ZIP stream, read from a folder, a ZIP, or a lone film beside its manifest.

Readers refuse what a hostile sender could use: paths that leave the bundle, links, a name twice, compressed
or overlapping members, more members than any take has. They hand out bytes and streams; what those are
worth is ``verify``'s to say.
"""

import io
import stat
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Self

from packwitness.evidence.errors import Malformed, NotABundle

MEMBER_LIMIT = 1_000_000
"""Most files in a bundle: sixteen cameras over sixteen hours, a part a second."""
NAME_LIMIT = 200
MANIFEST = "manifest.json"
COMPANIONS = ("certificates.json", "receipt.json", "log.json", "disclosures.json", "journal.json")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_NOT_STORED = "this ZIP was packed again with compression: unpack it and give the folder instead"


class Bundle:
    """Files by their names in the bundle. Use it as a context manager."""

    def __init__(self, sizes: Mapping[str, int], *, loose_film: str = "") -> None:
        self.sizes = sizes
        self.loose_film = loose_film
        """The name of a film whose camera is not known from its name; empty if there is none."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __contains__(self, name: str) -> bool:
        return name in self.sizes

    def names(self, under: str = "") -> list[str]:
        """Return the sorted names, all or those that begin with ``under``."""
        return sorted(name for name in self.sizes if name.startswith(under))

    def read(self, name: str, limit: int) -> bytes:
        """Return a whole file.

        Raises:
            Malformed: it has more than ``limit`` bytes.
        """
        with self.open(name) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise Malformed(f"{name} has more than {limit} bytes")
        return data

    def open(self, name: str) -> BinaryIO:
        """Open a file to read; the stream can seek. Whoever opens closes."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back what the bundle holds open."""


class FilesBundle(Bundle):
    """A bundle of ordinary files: a folder, or a lone film with what lies beside its manifest."""

    def __init__(self, paths: Mapping[str, Path], *, loose_film: str = "") -> None:
        sizes = {name: path.stat().st_size for name, path in paths.items()}
        super().__init__(sizes, loose_film=loose_film)
        self._paths = paths

    def open(self, name: str) -> BinaryIO:
        return self._paths[name].open("rb")


@dataclass(frozen=True)
class _Extent:
    header: int
    size: int


class ZipBundle(Bundle):
    """A bundle in one ZIP. Members are read where they lie, so that damage is told by digest, not by CRC."""

    def __init__(self, path: Path) -> None:
        try:
            with zipfile.ZipFile(path) as archive:
                members = _zip_members(archive)
        except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
            raise NotABundle(f"{path.name} is no bundle: {error}") from error
        super().__init__({name: extent.size for name, extent in members.items()})
        self._path = path
        self._members = members

    def open(self, name: str) -> BinaryIO:
        stream = self._path.open("rb")
        try:
            return _member(stream, name, self._members[name])
        except BaseException:
            stream.close()
            raise


def open_bundle(path: Path, manifest: Path | None = None) -> Bundle:
    """Open a folder, a ZIP, or one film; a film's manifest is given or lies beside it (or in the folder
    above).

    Raises:
        NotABundle: none of these, or a bundle that must not be opened; the message says what to do.
    """
    if path.is_dir():
        return FilesBundle(_folder(path))
    if not path.is_file():
        raise NotABundle(f"there is no file or folder {path}")
    if manifest is None and zipfile.is_zipfile(path):
        return ZipBundle(path)
    if manifest is None:
        beside = [folder / MANIFEST for folder in (path.parent, path.parent.parent)]
        manifest = next((one for one in beside if one.is_file()), None)
    if manifest is None:
        raise NotABundle(f"to check {path.name}, name its manifest too: packwitness verify FILM MANIFEST")
    if not manifest.is_file():
        raise NotABundle(f"there is no file {manifest}")
    return FilesBundle(_loose(path, manifest), loose_film="film")


class BundleWriter:
    """Writes a bundle into a binary stream as it comes; the stream need not seek. Same input, same bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._archive = zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=True)
        self._names: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()

    def add(self, name: str, content: bytes | Iterable[bytes]) -> None:
        """Add a file, whole or in chunks.

        Raises:
            EvidenceError: the name is there already, or is no plain relative path.
        """
        for _ in self.adding(name, content):
            pass

    def adding(self, name: str, content: bytes | Iterable[bytes]) -> Iterator[None]:
        """Add a file and pause after each chunk, so that who drives the stream can empty it."""
        _refuse_name(name)
        if name.lower() in self._names:
            raise Malformed(f"{name} is in the bundle already")
        self._names.add(name.lower())
        info = zipfile.ZipInfo(name, _EPOCH)
        info.create_system = 3  # Unix, wherever it is written
        info.external_attr = (stat.S_IFREG | 0o644) << 16
        with self._archive.open(info, "w", force_zip64=True) as member:
            for chunk in (content,) if isinstance(content, bytes) else content:
                member.write(chunk)
                yield

    def close(self) -> None:
        """Write the directory; without it the bundle cannot be read."""
        self._archive.close()


def stream_bundle(members: Iterable[tuple[str, bytes | Iterable[bytes]]]) -> Iterator[bytes]:
    """Return the bytes of a bundle with these files, chunk by chunk, as an HTTP answer wants them."""
    sink = _Sink()
    writer = BundleWriter(sink)
    for name, content in members:
        for _ in writer.adding(name, content):
            yield sink.take()
    writer.close()
    yield sink.take()


class _Sink(io.RawIOBase, BinaryIO):
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        chunk = bytes(data)  # type: ignore[call-overload]  # typeshed: any buffer
        self._written += chunk
        return len(chunk)

    def take(self) -> bytes:
        data = bytes(self._written)
        self._written.clear()
        return data


class _Window(io.RawIOBase, BinaryIO):
    """The bytes of one member of a ZIP, as a stream of its own."""

    def __init__(self, stream: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._stream, self._start, self._size = stream, start, size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._size - self._position)
        self._stream.seek(self._start + self._position)
        data = self._stream.read(left if size is None or size < 0 else min(size, left))
        self._position += len(data)
        return data

    def close(self) -> None:
        self._stream.close()
        super().close()


def _member(stream: BinaryIO, name: str, extent: _Extent) -> BinaryIO:
    stream.seek(extent.header)
    header = stream.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise NotABundle(f"this ZIP is damaged at {name}: fetch it again")
    name_size, extra_size = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    return _Window(stream, extent.header + 30 + name_size + extra_size, extent.size)


def _zip_members(archive: zipfile.ZipFile) -> dict[str, _Extent]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MEMBER_LIMIT:
        raise NotABundle(f"a bundle has at most {MEMBER_LIMIT} files")
    end = 0
    for info in sorted(infos, key=lambda one: one.header_offset):
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise NotABundle(_NOT_STORED)
        if info.file_size != info.compress_size or info.header_offset < end:
            raise NotABundle("its files overlap: no packer writes that")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise NotABundle(f"{info.filename[:NAME_LIMIT]!r} is a link to something else")
        end = info.header_offset + 30 + info.file_size
    if infos and end > archive.start_dir:
        raise NotABundle("its files reach beyond its end: fetch it again")
    names = [info.orig_filename for info in infos]  # as it is written, not as it is shown
    for name in names:
        _refuse_name(name)
    if len({name.lower() for name in names}) != len(names):
        raise NotABundle("it holds the same name twice")
    root = _root(names)
    return {
        name.removeprefix(root): _Extent(info.header_offset, info.file_size)
        for name, info in zip(names, infos, strict=True)
        if name.startswith(root)
    }


def _folder(path: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    waiting = [path]
    while waiting:
        for entry in sorted(waiting.pop().iterdir()):
            name = entry.relative_to(path).as_posix()
            if entry.is_symlink():
                raise NotABundle(f"{name} is a link to something else: copy the file itself here")
            if entry.is_dir():
                waiting.append(entry)
            elif entry.is_file():
                found[name] = entry
        if len(found) > MEMBER_LIMIT:
            raise NotABundle(f"a bundle has at most {MEMBER_LIMIT} files")
    root = _root(list(found))
    return {name.removeprefix(root): file for name, file in found.items() if name.startswith(root)}


def _root(names: list[str]) -> str:
    """Return the folder (with its slash) that holds the manifest: packing it again often adds one above."""
    if MANIFEST in names:
        return ""
    manifests = [name for name in names if name.count("/") == 1 and name.endswith(f"/{MANIFEST}")]
    if len(manifests) != 1:
        raise NotABundle(
            f"there is no {MANIFEST} in it: give a bundle, a take's folder, or a film and its manifest"
        )
    return manifests[0].removesuffix(MANIFEST)


def _loose(film: Path, manifest: Path) -> dict[str, Path]:
    beside = {name: manifest.parent / name for name in COMPANIONS}
    times = {f"time/{path.name}": path for path in sorted((manifest.parent / "time").glob("*.*"))[:100]}
    companions = {name: path for name, path in (beside | times).items() if path.is_file()}
    return {MANIFEST: manifest, "film": film} | companions


def _refuse_name(name: str) -> None:
    parts = PurePosixPath(name).parts
    plain = name and "/".join(parts) == name and not name.startswith("/") and ".." not in parts
    if not plain or len(name) > NAME_LIMIT or not name.isprintable() or set(name) & set('\\:*?"<>|'):
        raise NotABundle(f"{name[:NAME_LIMIT]!r} is no plain relative path")
