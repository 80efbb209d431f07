"""What a bundle may be, and what a hostile sender cannot make of it."""

import io
import stat
import warnings
import zipfile
from pathlib import Path

import pytest

from packwitness.evidence.bundle import BundleWriter, open_bundle, stream_bundle
from packwitness.evidence.errors import EvidenceError, Malformed, NotABundle
from tests.evidence.takes import make_take, write_folder

FILES = {"manifest.json": b"{}", "films/overhead.mp4": b"film" * 1000, "time/0.tsr": b""}


def zip_of(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def contents(path: Path) -> dict[str, bytes]:
    with open_bundle(path) as bundle:
        return {name: bundle.read(name, 10_000) for name in bundle.names()}


def refusal(path: Path) -> str:
    with pytest.raises(NotABundle) as raised:
        open_bundle(path)
    return str(raised.value)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    with path.open("wb") as stream, BundleWriter(stream) as writer:
        for name, data in FILES.items():
            writer.add(name, [data[:7], data[7:]])
    assert contents(path) == FILES
    assert contents(write_folder(tmp_path / "folder", FILES)) == FILES
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_a_stream_of_a_bundle(tmp_path: Path) -> None:
    chunks = [*stream_bundle((name, [data[:7], data[7:]]) for name, data in FILES.items())]
    assert len(chunks) > 2 * len(FILES)
    assert chunks == [*stream_bundle((name, [data[:7], data[7:]]) for name, data in FILES.items())]
    path = tmp_path / "bundle.zip"
    path.write_bytes(b"".join(chunks))
    assert contents(path) == FILES
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize(
    "name", ["", "/a", "../a", "a/../b", "a//b", "./a", "a\\b", "C:a", "a\0b", "a\nb", "a" * 201]
)
def test_a_writer_takes_plain_names_only(name: str) -> None:
    with pytest.raises(EvidenceError), BundleWriter(io.BytesIO()) as writer:
        writer.add(name, b"")


def test_a_writer_takes_a_name_once() -> None:
    with BundleWriter(io.BytesIO()) as writer:
        writer.add("a", b"")
        with pytest.raises(Malformed, match="already"):
            writer.add("A", b"")


def test_a_stream_of_a_member_behaves_as_a_file(tmp_path: Path) -> None:
    with (
        open_bundle(zip_of(tmp_path / "b.zip", FILES)) as bundle,
        bundle.open("films/overhead.mp4") as stream,
    ):
        assert stream.read(4) == b"film"
        assert (stream.tell(), stream.seek(-2, io.SEEK_END), stream.read(), stream.read(1)) == (
            4,
            3998,
            b"lm",
            b"",
        )
        assert (stream.seek(5), stream.seek(1, io.SEEK_CUR), stream.read(2)) == (5, 6, b"lm")


def test_a_folder_above_is_passed_over(tmp_path: Path) -> None:
    wrapped = {f"take-12/{name}": data for name, data in FILES.items()} | {"__MACOSX/._x": b"x"}
    assert contents(zip_of(tmp_path / "b.zip", wrapped)) == FILES
    assert contents(write_folder(tmp_path / "folder", wrapped)) == FILES


def test_a_film_beside_its_manifest(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {**FILES, "certificates.json": b"[]"})
    for bundle in (
        open_bundle(folder / "films/overhead.mp4"),
        open_bundle(folder / "films/overhead.mp4", folder / "manifest.json"),
    ):
        assert bundle.names() == ["certificates.json", "film", "manifest.json", "time/0.tsr"]
        assert bundle.loose_film == "film"


def test_what_is_no_bundle_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"film")
    (tmp_path / "empty").mkdir()
    assert "there is no file or folder" in refusal(tmp_path / "nothing")
    assert "name its manifest too" in refusal(tmp_path / "a.mp4")
    assert "there is no manifest.json in it" in refusal(tmp_path / "empty")
    assert "there is no manifest.json in it" in refusal(zip_of(tmp_path / "b.zip", {"a": b""}))
    two = {"a/manifest.json": b"", "b/manifest.json": b""}
    assert "there is no manifest.json in it" in refusal(zip_of(tmp_path / "c.zip", two))
    with pytest.raises(NotABundle, match="there is no file"):
        open_bundle(tmp_path / "a.mp4", tmp_path / "nothing.json")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "C:evil", "a\nb"])
def test_a_zip_cannot_reach_outside(tmp_path: Path, name: str) -> None:
    assert "no plain relative path" in refusal(zip_of(tmp_path / "b.zip", {**FILES, name: b""}))


def test_a_name_that_hides_its_end_is_refused(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "b.zip", {**FILES, "films/side.mp4?evil": b""})
    path.write_bytes(path.read_bytes().replace(b"side.mp4?evil", b"side.mp4\0evil"))
    assert "no plain relative path" in refusal(path)


@pytest.mark.parametrize("name", ["manifest.json", "MANIFEST.json"])
def test_a_name_twice_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "b.zip"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile notices too
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("manifest.json", b"{}")
            archive.writestr(name, b"[]")
    assert "the same name twice" in refusal(path)


def test_a_bomb_is_refused_unread(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "b.zip", {**FILES, "films/side.mp4": bytes(50 << 20)}, zipfile.ZIP_DEFLATED)
    assert "unpack it and give the folder" in refusal(path)


def test_overlapping_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", bytes(1000))
        archive.writestr("a", bytes(1000))
        second = archive.infolist()[1]
        second.header_offset = 20
    assert "overlap" in refusal(path).lower()


def test_a_size_that_lies_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", b"{}")
        archive.infolist()[0].file_size = archive.infolist()[0].compress_size = 1 << 40
    assert "beyond its end" in refusal(path)


def test_links_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", b"{}")
        link = zipfile.ZipInfo("films/overhead.mp4")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "is a link" in refusal(path)
    folder = write_folder(tmp_path / "folder", FILES)
    (folder / "films/side.mp4").symlink_to("/etc/passwd")
    assert "is a link" in refusal(folder)


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "b.zip", FILES)
    data = path.read_bytes()
    path.write_bytes(data[:-30] + bytes(8) + data[-22:])
    assert "is no bundle" in refusal(path)
    path.write_bytes(b"XX" + data[2:])
    with open_bundle(path) as bundle, pytest.raises(NotABundle, match="fetch it again"):
        bundle.read("manifest.json", 10)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (
        open_bundle(zip_of(tmp_path / "b.zip", FILES)) as bundle,
        pytest.raises(Malformed, match="more than 10"),
    ):
        bundle.read("films/overhead.mp4", 10)


def test_a_whole_take_in_a_zip_is_its_folder(tmp_path: Path) -> None:
    files = make_take().files()
    assert contents(zip_of(tmp_path / "b.zip", files)) == files
