"""A layer depends on what the files say, and on nothing else; and what has no place in an image is refused."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import socket
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamastack_operator.images.failure import BuildError
from llamastack_operator.images.layer import compress
from llamastack_operator.images.layer.compress import GzipWriter
from llamastack_operator.images.layer.pack import PackedLayer, pack

ROOT = "/opt/llamastack/modules"
NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..", "__pycache__") and not name.endswith((".pyc", ".pyo"))
)
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=4).map(tuple), st.tuples(st.binary(max_size=300), st.booleans()), max_size=12
)
type Tree = dict[tuple[str, ...], tuple[bytes, bool]]


def written(folder: Path, tree: Tree, chance: random.Random) -> Path:
    """Write a tree in an order, with times, rights and owners that chance decides."""
    root = folder / "tree"
    root.mkdir()
    paths = list(tree)
    chance.shuffle(paths)
    for path in paths:
        content, program = tree[path]
        target = root.joinpath(*path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except OSError:
            continue  # a name that is a file and a folder, or too long: left out of each copy alike
        target.chmod(chance.choice([0o700, 0o755, 0o4711]) if program else chance.choice([0o600, 0o644, 0o440]))
    for path in [root, *root.rglob("*")]:
        if not os.geteuid():
            os.chown(path, chance.randrange(1 << 16), chance.randrange(1 << 16))
        if path.is_dir():
            path.chmod(chance.choice([0o700, 0o755, 0o775]))
        os.utime(path, (chance.randrange(1 << 31), chance.randrange(1 << 31)))
    return root


def packed(tree: Path, folder: Path, threads: int = 2) -> PackedLayer:
    [layer] = pack(tree, ROOT, folder, threads=threads)
    return layer


@settings(max_examples=60, deadline=None)
@given(tree=TREES, first=st.randoms(use_true_random=False), second=st.randoms(use_true_random=False))
def test_order_times_owners_and_threads_do_not_change_a_layer(
    tree: Tree, first: random.Random, second: random.Random
) -> None:
    # The same names must be left out of both copies, so only those that fit together are written.
    tree = {path: tree[path] for path in tree if not any(path[:end] in tree for end in range(1, len(path)))}
    layers = []
    for chance, threads in ((first, 1), (second, 3)):
        with tempfile.TemporaryDirectory() as folder:
            layers.append(packed(written(Path(folder), tree, chance), Path(folder), threads))
    assert layers[0].digest == layers[1].digest
    assert layers[0].diff_id == layers[1].diff_id


@settings(max_examples=60, deadline=None)
@given(tree=TREES, chance=st.randoms(use_true_random=False), added=st.binary(min_size=1, max_size=9))
def test_another_content_is_another_layer(tree: Tree, chance: random.Random, added: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = written(folder, tree, chance)
        before = packed(root, folder)
        (root / "a-name-of-more-than-twenty-letters").write_bytes(added)
        after = packed(root, folder)
        (root / "a-name-of-more-than-twenty-letters").write_bytes(added + b"!")
        last = packed(root, folder)
    assert len({before.digest, after.digest, last.digest}) == 3
    assert len({before.diff_id, after.diff_id, last.diff_id}) == 3


@settings(max_examples=40, deadline=None)
@given(tree=TREES, chance=st.randoms(use_true_random=False))
def test_a_layer_is_a_tar_archive_of_the_files_as_others_read_it(tree: Tree, chance: random.Random) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = written(folder, tree, chance)
        result = packed(root, folder)
        raw = gzip.decompress(result.path.read_bytes())
        assert result.diff_id == f"sha256:{hashlib.sha256(raw).hexdigest()}"
        assert result.digest == f"sha256:{hashlib.sha256(result.path.read_bytes()).hexdigest()}"
        assert result.size == result.path.stat().st_size
        with tarfile.open(result.path) as archive:
            members = archive.getmembers()
            files = {member.name: archive.extractfile(member).read() for member in members if member.isreg()}  # type: ignore[union-attr]
        wanted = {
            f"{ROOT[1:]}/{path.relative_to(root)}": path.read_bytes() for path in root.rglob("*") if path.is_file()
        }
    assert files == wanted
    assert {(member.uid, member.gid, member.mtime, member.uname) for member in members} == {(0, 0, 0, "")}
    assert {member.mode for member in members} <= {0o755, 0o644}


@settings(max_examples=60, deadline=None)
@given(tree=TREES, chance=st.randoms(use_true_random=False), data=st.data())
def test_files_beneath_get_a_layer_of_their_own_that_what_is_above_does_not_change(
    tree: Tree, chance: random.Random, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = written(folder, tree, chance)
        names = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        beneath = data.draw(st.sets(st.sampled_from(names))) if names else set()
        whole, layers = members(packed(root, folder)), pack(root, ROOT, folder, beneath)
        lower, upper = (members(layers[0]) if beneath else {}), members(layers[-1])
        (root / "a-name-of-more-than-twenty-letters").write_text("above")
        after = pack(root, ROOT, folder, beneath)
    assert len(layers) == (2 if beneath else 1)
    assert {**lower, **upper} == whole
    files = {kind: {name for name, (isfile, _) in found.items() if isfile} for kind, found in enumerate((lower, upper))}
    assert files[0] == {f"{ROOT[1:]}/{name}" for name in beneath}
    assert not files[0] & files[1]
    for found in (lower, upper):
        seen: set[str] = set()
        for path in found:
            parent = path.rpartition("/")[0]
            assert parent in seen or parent in ("", "opt"), "a folder has its entry before what is in it"
            seen.add(path)
    assert (after[:-1], after[-1] == layers[-1]) == (layers[:-1], False)


def test_a_layer_beneath_that_is_stored_is_not_packed_again(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("a", "b"):
        (tree / name).write_text(name)
    lower, upper = pack(tree, ROOT, tmp_path, {"a"})
    assert lower.path is not None
    lower.path.unlink()
    asked: list[str] = []

    def stored(diff_id: str) -> PackedLayer | None:
        asked.append(diff_id)
        return PackedLayer(None, lower.digest, diff_id, lower.size) if diff_id == lower.diff_id else None

    kept, again = pack(tree, ROOT, tmp_path, {"a"}, stored)
    assert (asked, kept.digest, kept.path, again) == ([lower.diff_id], lower.digest, None, upper)
    assert not lower.path.exists()

    (tree / "a").write_text("another a")
    fresh, _ = pack(tree, ROOT, tmp_path, {"a"}, stored)
    assert fresh.path is not None
    assert fresh.digest not in (lower.digest, upper.digest)
    assert asked[-1] == fresh.diff_id


def members(layer: PackedLayer) -> dict[str, tuple[bool, bytes | str]]:
    """Return what is in a layer, in its order: whether it is a file, and its content or mode."""
    assert layer.path is not None
    with tarfile.open(layer.path) as archive:
        return {
            member.name: (True, archive.extractfile(member).read()) if member.isreg() else (False, oct(member.mode))  # type: ignore[union-attr]
            for member in archive
        }


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(0, 700), max_size=12), threads=st.integers(1, 4))
def test_however_it_is_written_gzip_gives_the_same_members(sizes: list[int], threads: int) -> None:
    content = random.Random(1).randbytes(sum(sizes))  # noqa: S311
    whole = b"".join(compress.gzip_member(content[at : at + 256]) for at in range(0, max(len(content), 1), 256))
    with tempfile.TemporaryFile() as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(compress, "BLOCK", 256)
        writer = GzipWriter(file, threads)
        position = 0
        for size in sizes:
            writer.write(content[position : position + size])
            position += size
        writer.close()
        file.seek(0)
        data = file.read()
    assert data == whole
    assert gzip.decompress(data) == content
    assert (writer.raw_size, writer.size) == (len(content), len(data))


def test_folders_above_the_root_are_those_of_ours_only(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    with tarfile.open(packed(tmp_path / "tree", tmp_path).path) as archive:
        assert archive.getnames() == ["opt/llamastack", "opt/llamastack/modules"]


def test_folders_in_which_nothing_is_lie_above(tmp_path: Path) -> None:
    (tmp_path / "tree/a/empty").mkdir(parents=True)
    (tmp_path / "tree/b/__pycache__").mkdir(parents=True)
    (tmp_path / "tree/a/file").touch()
    lower, upper = pack(tmp_path / "tree", ROOT, tmp_path, {"a/file", "no/such/file"})
    assert [name.removeprefix(ROOT[1:]) for name in members(lower)][1:] == ["", "/a", "/a/file"]
    assert [name.removeprefix(ROOT[1:]) for name in members(upper)][1:] == ["", "/a", "/a/empty", "/b"]
    # The entry above the root is none of the tree's.
    assert (len(members(lower)) - 1, len(members(upper)) - 1) == (3, 4)


def test_bytecode_is_left_out_but_for_packages_that_have_nothing_else(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "__pycache__").mkdir(parents=True)
    for name in ("a.py", "a.pyc", "closed.pyc", "__pycache__/a.cpython-313.pyc"):
        (tree / name).write_text(name)
    with tarfile.open(packed(tree, tmp_path).path) as archive:
        assert [Path(name).name for name in archive.getnames()[2:]] == ["a.py", "closed.pyc"]


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("lib64", "lib"),
        ("bin/python", "python3"),
        ("bin/python3", "/usr/bin/python3.13"),
        ("bin/python3.13", "python3"),
    ],
)
def test_links_of_a_virtual_environment_are_kept_as_links(tmp_path: Path, name: str, target: str) -> None:
    link = tmp_path / "tree" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    with tarfile.open(packed(tmp_path / "tree", tmp_path).path) as archive:
        assert archive.getmember(f"opt/llamastack/modules/{name}").linkname == target


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("credentials", "/llamastack/credentials/push"),
        ("up", "../../../etc/passwd"),
        ("bin/python3", "/bin/sh"),
        ("bin/tool", "/usr/bin/python3"),
        ("lib/python3", "/usr/bin/python3"),
        ("in-and-out", f"{ROOT}/../../../etc"),
    ],
)
def test_links_that_lead_out_are_refused(tmp_path: Path, name: str, target: str) -> None:
    link = tmp_path / "tree" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    error = refused(tmp_path)
    assert name in error.message
    assert target not in error.message


def refused(folder: Path) -> BuildError:
    with pytest.raises(BuildError) as caught:
        packed(folder / "tree", folder)
    assert (caught.value.reason, caught.value.retry) == ("Tampered", False)
    return caught.value


def test_a_root_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tree").symlink_to("/etc")
    assert ROOT in refused(tmp_path).message


@pytest.mark.parametrize("kind", ["pipe", "socket", "hard link"])
def test_what_is_neither_file_nor_folder_nor_link_is_refused(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    monkeypatch.chdir(tree)  # the path of a socket is short
    if kind == "pipe":
        os.mkfifo("odd")
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind("odd")
    else:
        Path("a").write_text("a")
        Path("odd").hardlink_to("a")
    assert kind in refused(tmp_path).message


@pytest.mark.parametrize("limit", ["MOST_FILES", "MOST_BYTES"])
def test_a_layer_without_end_is_refused(tmp_path: Path, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"llamastack_operator.images.layer.pack.{limit}", 10)
    (tmp_path / "tree").mkdir()
    for number in range(11):
        (tmp_path / "tree" / str(number)).write_text("ab")
    refused(tmp_path)


def test_a_full_disk_is_told_from_other_failures(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "layer.tar.gz").symlink_to("/dev/full")
    with pytest.raises(BuildError) as caught:
        pack(tmp_path / "tree", ROOT, tmp_path)
    assert (caught.value.reason, caught.value.retry) == ("DiskFull", False)
    assert "sizeLimit" in caught.value.hint
