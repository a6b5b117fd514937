"""A copy comes back as it was, or is refused by name; an index is never the worse for it."""

import os
import random
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.build import build
from indexer.commit import writing
from indexer.errors import (
    FootnoteError,
    IndexBusyError,
    IndexDamagedError,
    IndexIncompatibleError,
    IndexMissingError,
    StorageError,
    UsageError,
)
from indexer.generation import Store
from indexer.manifest import FORMAT_VERSION, decode_manifest, encode_manifest
from indexer.transfer import export_generation, import_copy, verify_copy
from tests.indexer.hash_embedder import HashEmbedder
from tests.reliability.marked import build_marker, served_marker, settings_of, write_corpus

MODEL = HashEmbedder().info
Contents = dict[str, bytes]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index of two generations and both kinds of a copy; not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    for marker in (1, 2):
        build_marker(folder, marker)
    for name in ("copy.zip", "copy"):
        export_generation(Store(folder / "index"), folder / name)
    return folder


@pytest.fixture
def other(made: Path, tmp_path: Path) -> Path:
    """A folder with another index, of one generation."""
    build_marker(tmp_path, 5)
    return tmp_path


def snapshot(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, but for locks."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    locks = ("LOCK", ".pin", ".tantivy-meta.lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.name not in locks}


def unpack(path: Path) -> Contents:
    """What a zip holds."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path: Path, contents: Contents, packing: int = zipfile.ZIP_STORED) -> Path:
    """Write a zip."""
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize("name", ["copy.zip", "copy"])
def test_a_copy_comes_back_to_the_bit_and_under_its_name(made: Path, tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / "index")
    report = import_copy(store, made / name, keep=1, expect=MODEL)
    assert (report.generation, report.copy_of, report.committed) == ("gen-000002", "gen-000002", True)
    assert served_marker(tmp_path) == 2
    assert snapshot(tmp_path / "index") == {
        path: data for path, data in snapshot(made / "index").items() if not path.startswith("gen-000001")
    }


def test_into_an_index_it_comes_as_the_next_generation_and_can_be_rolled_back(made: Path, other: Path) -> None:
    store = Store(other / "index")
    report = import_copy(store, made / "copy.zip", keep=1, expect=MODEL)
    assert (report.generation, report.copy_of) == ("gen-000002", "gen-000002")
    build_marker(other, 6)
    again = import_copy(store, made / "copy.zip", keep=1, expect=MODEL)
    assert (again.generation, again.copy_of) == ("gen-000004", "gen-000002")
    assert served_marker(other) == 2
    assert store.rollback() == "gen-000003"
    assert served_marker(other) == 6


def test_a_copy_of_what_is_current_changes_nothing(made: Path, tmp_path: Path) -> None:
    index = Path(shutil.copytree(made / "index", tmp_path / "index"))
    before = snapshot(index)
    report = import_copy(Store(index), made / "copy.zip", keep=1, expect=MODEL)
    assert (report.generation, report.committed) == ("gen-000002", False)
    assert snapshot(index) == before


def test_what_was_imported_is_built_upon(made: Path, tmp_path: Path) -> None:
    import_copy(Store(tmp_path / "index"), made / "copy.zip", keep=1)
    write_corpus(tmp_path / "corpus", 2)
    assert not build(settings_of(tmp_path), HashEmbedder()).committed
    build_marker(tmp_path, 3)
    assert Store(tmp_path / "index").current_id() == "gen-000003"


def test_the_same_generation_gives_the_same_zip(made: Path, tmp_path: Path) -> None:
    export_generation(Store(made / "index"), tmp_path / "again.ZIP")
    assert (tmp_path / "again.ZIP").read_bytes() == (made / "copy.zip").read_bytes()
    import_copy(Store(tmp_path / "index"), made / "copy.zip", keep=1)
    export_generation(Store(tmp_path / "index"), tmp_path / "elsewhere.zip")
    assert (tmp_path / "elsewhere.zip").read_bytes() == (made / "copy.zip").read_bytes()


def test_progress_is_told_in_bytes(made: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    report = verify_copy(made / "copy.zip", expect=MODEL, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (report.bytes, report.bytes)
    assert told == sorted(told)


def test_what_is_exported_is_held_while_others_build(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "index", tmp_path / "index")
    built = iter(range(3, 7))

    def build_meanwhile(done: int, total: int) -> None:
        if marker := next(built, None):
            build_marker(tmp_path, marker)

    export_generation(Store(tmp_path / "index"), tmp_path / "copy.zip", progress=build_meanwhile)
    assert (tmp_path / "copy.zip").read_bytes() == (made / "copy.zip").read_bytes()
    assert served_marker(tmp_path) == 6


def test_a_zip_that_another_tool_packed_is_read(made: Path, tmp_path: Path) -> None:
    contents = {"lexical/": b"", **unpack(made / "copy.zip")}
    pack(tmp_path / "packed.zip", contents, zipfile.ZIP_DEFLATED)
    import_copy(Store(tmp_path / "index"), tmp_path / "packed.zip", keep=1, expect=MODEL)
    assert served_marker(tmp_path) == 2


def test_only_its_owner_may_read_it(made: Path, tmp_path: Path) -> None:
    import_copy(Store(tmp_path / "deep" / "index"), made / "copy.zip", keep=1)
    assert stat.S_IMODE((tmp_path / "deep" / "index").stat().st_mode) == 0o700
    assert stat.S_IMODE((made / "copy").stat().st_mode) == 0o700


# ---------------------------------------------------------------- what is refused


def test_what_is_there_is_not_overwritten(made: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.zip").write_text("mine")
    (tmp_path / "link.zip").symlink_to(tmp_path / "nowhere")
    (tmp_path / "copy").mkdir()
    for name in ("copy.zip", "link.zip", "copy"):
        with pytest.raises(UsageError, match="not overwritten"):
            export_generation(Store(made / "index"), tmp_path / name)
    assert (tmp_path / "copy.zip").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["copy", "copy.zip", "link.zip"]


def test_without_an_index_there_is_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError):
        export_generation(Store(tmp_path / "index"), tmp_path / "copy.zip")
    assert os.listdir(tmp_path) == []


def refusals(path: Path, index: Path, error: type[FootnoteError], match: str) -> None:
    """Both the check and the import refuse it, and the index stays as it is."""
    before = snapshot(index)
    with pytest.raises(error, match=match):
        verify_copy(path, expect=MODEL)
    with pytest.raises(error, match=match):
        import_copy(Store(index), path, keep=1, expect=MODEL)
    assert snapshot(index) == before
    assert served_marker(index.parent) == 5
    assert not [name for name in os.listdir(index) if name.startswith("tmp-")]


def test_checking_changes_nothing_and_makes_nothing(made: Path, tmp_path: Path) -> None:
    assert verify_copy(made / "copy.zip", expect=MODEL).generation is None
    assert os.listdir(tmp_path) == []


def test_another_model_even_of_the_same_length_is_refused(made: Path, tmp_path: Path) -> None:
    for stranger in (HashEmbedder(name="other").info, HashEmbedder(dim=9).info):
        with pytest.raises(IndexIncompatibleError, match="embedder"):
            verify_copy(made / "copy.zip", expect=stranger)
        with pytest.raises(IndexIncompatibleError, match="embedder"):
            import_copy(Store(tmp_path / "index"), made / "copy.zip", keep=1, expect=stranger)
    assert not (tmp_path / "index").exists()


def test_a_newer_format_is_refused(made: Path, other: Path) -> None:
    contents = unpack(made / "copy.zip")
    manifest = decode_manifest(contents["manifest.json"])
    contents["manifest.json"] = encode_manifest(replace(manifest, format_version=FORMAT_VERSION + 1))
    copy = pack(other / "newer.zip", contents)
    refusals(copy, other / "index", IndexIncompatibleError, "reads up to")


def spoilt(contents: Contents) -> Iterator[tuple[str, Contents, str]]:
    """Copies that are not whole, or hold more than they say."""
    one = "passages.jsonl"
    manifest = decode_manifest(contents["manifest.json"])
    bomb = encode_manifest(
        replace(manifest, files={name: replace(file, size=10**9) for name, file in manifest.files.items()})
    )
    lies = encode_manifest(replace(manifest, counts=replace(manifest.counts, articles=3)))
    yield "flip", contents | {one: contents[one][:-9] + b"X" + contents[one][-8:]}, one
    yield "cut off", contents | {one: contents[one][:-1]}, one
    yield "grown", contents | {one: contents[one] + b"\n"}, one
    yield "missing", {name: data for name, data in contents.items() if name != one}, one
    yield "no manifest", {name: data for name, data in contents.items() if name != "manifest.json"}, "manifest.json"
    yield "swapped", contents | {one: contents["articles.jsonl"], "articles.jsonl": contents[one]}, "jsonl"
    yield "bomb", contents | {"manifest.json": bomb}, "articles.jsonl|unpack"
    yield "no json", contents | {"manifest.json": b"[" * 100_000}, "manifest.json"
    yield "counts", contents | {"manifest.json": lies}, "counts disagree"


def test_a_copy_that_is_not_whole_is_refused_by_name(made: Path, other: Path) -> None:
    for number, (kind, contents, named) in enumerate(spoilt(unpack(made / "copy.zip"))):
        copy = pack(other / f"{number}.zip", contents, zipfile.ZIP_DEFLATED)
        folder = other / str(number)
        for name, data in contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        for path in (copy, folder):
            if kind == "counts":  # only seen by opening it
                with pytest.raises(IndexDamagedError, match=named):
                    import_copy(Store(other / "index"), path, keep=1, expect=MODEL)
                assert served_marker(other) == 5
            else:
                refusals(path, other / "index", IndexDamagedError, named)


@pytest.mark.parametrize("name", ["../../out.txt", "/etc/out.txt", "lexical/../../out.txt", "extra.txt", "a\\b"])
def test_a_name_that_the_manifest_does_not_list_is_refused(made: Path, other: Path, name: str) -> None:
    copy = pack(other / "more.zip", {**unpack(made / "copy.zip"), name: b"out"})
    refusals(copy, other / "index", IndexDamagedError, "is not in the manifest")
    assert not [*other.rglob("out.txt"), *Path("/etc").glob("out.txt")]


def test_a_manifest_cannot_list_a_name_that_leads_out(made: Path, other: Path) -> None:
    contents = unpack(made / "copy.zip")
    manifest = decode_manifest(contents["manifest.json"])
    for name in ("../out.txt", "/tmp/out.txt", "nul\0.txt", "line\n.txt"):
        files = {**manifest.files, name: manifest.files["articles.jsonl"]}
        copy = pack(other / "out.zip", contents | {"manifest.json": encode_manifest(replace(manifest, files=files))})
        refusals(copy, other / "index", IndexDamagedError, "not a file inside")


def test_links_are_not_followed(made: Path, other: Path) -> None:
    folder = Path(shutil.copytree(made / "copy", other / "linked"))
    shutil.move(folder / "passages.jsonl", other / "elsewhere.jsonl")
    (folder / "passages.jsonl").symlink_to(other / "elsewhere.jsonl")
    refusals(folder, other / "index", IndexDamagedError, "passages.jsonl")
    folder = Path(shutil.copytree(made / "copy", other / "behind"))
    shutil.move(folder / "lexical", other / "lexical")
    (folder / "lexical").symlink_to(other / "lexical")
    refusals(folder, other / "index", IndexDamagedError, "behind a link")
    contents = unpack(made / "copy.zip")
    copy = other / "link.zip"
    with zipfile.ZipFile(copy, "w") as archive:
        for name, data in contents.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = ((stat.S_IFLNK if name == "passages.jsonl" else stat.S_IFREG) | 0o600) << 16
            archive.writestr(member, data)
    refusals(copy, other / "index", IndexDamagedError, "is a link")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(made: Path, other: Path) -> None:
    copy = Path(shutil.copy(made / "copy.zip", other / "twice.zip"))
    with zipfile.ZipFile(copy, "a") as archive:
        archive.writestr("passages.jsonl", b"another")
    refusals(copy, other / "index", IndexDamagedError, "twice")


def test_a_zip_that_unpacks_to_very_much_is_refused_before_it_is_read(made: Path, other: Path) -> None:
    contents = unpack(made / "copy.zip")
    manifest = decode_manifest(contents["manifest.json"])
    contents["passages.jsonl"] = bytes(20 * 2**20)
    files = {**manifest.files, "passages.jsonl": replace(manifest.files["passages.jsonl"], size=20 * 2**20)}
    contents["manifest.json"] = encode_manifest(replace(manifest, files=files))
    copy = pack(other / "bomb.zip", contents, zipfile.ZIP_DEFLATED)
    refusals(copy, other / "index", IndexDamagedError, "times its size")


def test_hundreds_of_damaged_zips_are_refused_plainly(made: Path, tmp_path: Path) -> None:
    chance, data, copy = random.Random(11), (made / "copy.zip").read_bytes(), tmp_path / "copy.zip"
    whole = unpack(made / "copy.zip")
    for _ in range(300):
        spoilt = bytearray(data)
        if chance.random() < 0.3:
            del spoilt[chance.randrange(len(data)) :]
        else:
            at = chance.choice((chance.randrange(len(data)), len(data) - 1 - chance.randrange(1500)))
            spoilt[at] ^= 1 << chance.randrange(8)
        copy.write_bytes(spoilt)
        try:
            verify_copy(copy, expect=MODEL)
        except (IndexDamagedError, IndexIncompatibleError):
            continue
        # What is left is a byte that no reader looks at, such as a date.
        assert unpack(copy) == whole


def test_what_is_no_copy_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("hello")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="There is no"):
        verify_copy(tmp_path / "absent.zip")
    with pytest.raises(IndexDamagedError, match="not a zip"):
        verify_copy(tmp_path / "text.zip")
    with pytest.raises(IndexDamagedError, match=r"manifest\.json: missing"):
        verify_copy(tmp_path / "empty")
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises((IndexDamagedError, StorageError), match="pipe"):
        verify_copy(tmp_path / "pipe.zip")


def test_while_another_builds_it_is_told(made: Path, other: Path) -> None:
    with writing(Store(other / "index"), keep=1), pytest.raises(IndexBusyError, match=r"pid \d+, since"):
        import_copy(Store(other / "index"), made / "copy.zip", keep=1)
    assert served_marker(other) == 5


@pytest.mark.parametrize("free", [0, 1000])
def test_without_room_for_it_nothing_is_begun(
    made: Path, tmp_path: Path, free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = shutil.disk_usage(tmp_path)._replace(free=free)
    usage: Callable[[Path], object] = lambda path: there  # noqa: E731 - one line says it
    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(StorageError, match="MiB free; this needs 1 MiB"):
        import_copy(Store(tmp_path / "index"), made / "copy.zip", keep=1)
    assert os.listdir(tmp_path / "index") == ["LOCK"]
