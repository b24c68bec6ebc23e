"""Sealing: every entry gets one place, the log never has two histories, and all of it is proved."""

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, transaction

from countersign.tlog import note, tiles, tree
from governance.audit import entries, keys, log, mark
from governance.models import Checkpoint, Entry, Leaf, Pending, TileHash

from .conftest import ORIGIN, Record, published, signed_size


def leaf_hashes() -> list[bytes]:
    """Recomputed from the entries, in the order of the log."""
    rows = Leaf.objects.order_by("index").values_list("entry__body", flat=True)
    return [tree.leaf_hash(bytes(body)) for body in rows]


def in_another_connection(work: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db
def test_sealing_gives_entries_their_places_and_signs_them(record: Record):
    recorded = record(5)
    assert log.seal() == 5
    assert [leaf.entry_id for leaf in Leaf.objects.order_by("index")] == [e.pk for e in recorded]
    assert not Pending.objects.exists()
    assert published() == note.Checkpoint(ORIGIN, 5, tree.root(leaf_hashes()))


@pytest.mark.django_db
def test_sealing_nothing_signs_nothing(record: Record):
    assert log.seal() == 0
    assert signed_size() == 0
    assert log.published_checkpoint() is None
    record()
    log.seal()
    assert log.seal() == 0
    assert Checkpoint.objects.count() == 1


@pytest.mark.django_db
def test_a_log_that_grows_in_steps_has_the_root_of_all_its_entries(record: Record, monkeypatch):
    monkeypatch.setattr(log, "BATCH", 150)
    steps = random.Random(1)
    while (size := Leaf.objects.count()) < 1100:
        record(steps.choice([1, 7, 100, 255, 256, 257, 400]))
        log.seal()
        assert Leaf.objects.count() > size
    leaves = leaf_hashes()
    for checkpoint in Checkpoint.objects.all():
        assert bytes(checkpoint.root) == tree.root(leaves[: checkpoint.size])
    stored = TileHash.objects.order_by("index").values_list("level", "index", "hash")
    assert [(level, index, bytes(hash)) for level, index, hash in stored] == [
        (1, n, tree.root(leaves[256 * n : 256 * n + 256])) for n in range(len(leaves) // 256)
    ]


@pytest.mark.django_db
def test_an_entry_is_proved_with_nothing_but_the_key(record: Record):
    recorded = record(300)
    log.seal()
    vkey = note.parse_vkey(keys.verifier_key().vkey)
    for entry in (recorded[0], recorded[255], recorded[256], recorded[299]):
        proof = note.parse_proof((log.inclusion_proof(entry) or "").encode())
        checkpoint = note.open_checkpoint(proof.checkpoint, [vkey])
        leaf = tree.leaf_hash(bytes(entry.body))
        tree.check_inclusion(leaf, proof.index, checkpoint.size, checkpoint.root, proof.hashes)


@pytest.mark.django_db
def test_an_entry_that_waits_has_no_proof_yet(record: Record):
    record()
    log.seal()
    [waiting] = record()
    assert log.inclusion_proof(waiting) is None


@pytest.mark.django_db
def test_every_checkpoint_is_proved_to_begin_with_every_earlier_one(record: Record):
    for count in (1, 2, 254, 1, 40):
        record(count)
        log.seal()
    signed = list(Checkpoint.objects.order_by("size"))
    for old in signed:
        for new in signed[signed.index(old) :]:
            proof = log.consistency_proof(old.size, new.size)
            tree.check_consistency(old.size, new.size, bytes(old.root), bytes(new.root), proof)


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_commits_late_is_not_forgotten(record: Record):
    inserted, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            entries.record("window.late", actor="countersign")
            inserted.set()
            assert may_commit.wait(10)

    thread = in_another_connection(slow)
    assert inserted.wait(10)
    [quick] = record()
    assert log.seal() == 1
    may_commit.set()
    thread.join()
    assert log.seal() == 1
    late = Entry.objects.get(kind="window.late")
    assert late.pk < quick.pk
    assert late.leaf.index > quick.leaf.index


@pytest.mark.django_db(transaction=True)
def test_two_sealers_at_once_give_every_entry_one_place(record: Record, monkeypatch):
    monkeypatch.setattr(log, "BATCH", 20)
    record(400)
    start = threading.Barrier(3)
    sealed: list[int] = []

    def work() -> None:
        start.wait(10)
        for _ in range(5):
            sealed.append(log.seal())

    threads = [in_another_connection(work) for _ in range(2)]
    start.wait(10)
    record(100)
    for thread in threads:
        thread.join()
    log.seal()
    assert sum(sealed) >= 400
    assert sorted(Leaf.objects.values_list("index", flat=True)) == list(range(500))
    leaves = leaf_hashes()
    for checkpoint in Checkpoint.objects.all():
        assert bytes(checkpoint.root) == tree.root(leaves[: checkpoint.size])
    assert published().size == 500


@pytest.mark.django_db
def test_nothing_is_shown_that_the_mark_does_not_cover(record: Record, data: Path):
    record(2)
    log.seal()
    [path] = (data / "log").iterdir()
    covered = path.read_text()
    record(3)
    log.seal()
    path.write_text(covered)  # as if the machine had stopped between the commit and the mark
    assert signed_size() == 5
    assert published().size == 2
    assert log.seal() == 0  # the next round finds it, with nothing else to do
    assert published().size == 5


@pytest.mark.django_db
def test_the_mark_only_rises(data: Path):
    mark.raise_to(note.Checkpoint(ORIGIN, 7, bytes(32)))
    mark.raise_to(note.Checkpoint(ORIGIN, 3, bytes([1]) * 32))
    assert mark.read(ORIGIN) == note.Checkpoint(ORIGIN, 7, bytes(32))
    assert mark.read("another.example/log") is None


@pytest.fixture
def restored(record: Record) -> list[bytes]:
    """The log was signed up to 5, then the database of 2 entries came back. Its signed leaves."""
    record(2)
    log.seal()
    backup = transaction.savepoint()
    record(3)
    log.seal()
    leaves = leaf_hashes()
    transaction.savepoint_rollback(backup)
    assert signed_size() == 2
    return leaves


@pytest.mark.django_db
def test_a_restored_database_is_not_signed(restored: list[bytes], record: Record):
    record(9)
    with pytest.raises(log.LogRefused, match=r"log\.below_high_water: .* After a restore"):
        log.seal()
    assert signed_size() == 2
    assert log.published_checkpoint() is None


@pytest.mark.django_db
def test_a_restored_database_that_grew_past_the_mark_is_not_signed(
    restored: list[bytes], record: Record, data: Path
):
    kept = {path: path.read_text() for path in (data / "log").iterdir()}
    for path in kept:
        path.write_text(note.Checkpoint(ORIGIN, 2, tree.root(restored[:2])).text)
    record(9)
    log.seal()
    for path, text in kept.items():
        path.write_text(text)
    assert signed_size() > 5
    with pytest.raises(log.LogRefused, match=r"log\.below_high_water"):
        log.seal()
    assert log.published_checkpoint() is None


@pytest.mark.django_db
def test_a_restored_log_goes_on_under_a_new_name_and_says_so(
    restored: list[bytes], record: Record, settings
):
    settings.COUNTERSIGN_ORIGIN = f"{ORIGIN}/2"
    record(1)
    assert log.seal() == 2
    assert published().origin == f"{ORIGIN}/2"
    assert published().size == 4
    facts = bytes(Entry.objects.get(kind="log.restarted").body).decode()
    assert f'"previous":"{ORIGIN}"' in facts
    assert f'"signed_root":"{tree.root(restored).hex()}","signed_size":5' in facts
    assert f'"kept_root":"{tree.root(restored[:2]).hex()}","kept_size":2' in facts
    record(1)
    assert log.seal() == 1
    settings.COUNTERSIGN_ORIGIN = ORIGIN
    with pytest.raises(log.LogRefused, match=r"log\.below_high_water"):
        log.seal()


@pytest.mark.django_db
def test_without_its_mark_a_log_is_not_signed(record: Record, data: Path):
    record()
    log.seal()
    for path in (data / "log").iterdir():
        path.unlink()
    with pytest.raises(log.LogRefused, match=r"log\.mark_missing"):
        log.seal()
    assert log.published_checkpoint() is None


@pytest.mark.django_db
def test_another_key_does_not_take_over_a_logs_name(record: Record, data: Path, settings):
    record()
    log.seal()
    (data / "secrets" / "log").unlink()
    record()
    with pytest.raises(log.LogRefused, match=r"log\.key_changed"):
        log.seal()
    settings.COUNTERSIGN_ORIGIN = f"{ORIGIN}/2"
    log.seal()
    assert published().size == 3


@pytest.mark.django_db
def test_a_leaf_that_was_slipped_in_is_not_signed(record: Record):
    record(2)
    log.seal()
    [forged] = record()
    Leaf.objects.create(index=2, entry=forged, hash=tree.leaf_hash(bytes(forged.body)))
    record()
    with pytest.raises(log.LogRefused, match=r"log\.damaged"):
        log.seal()


@pytest.mark.django_db
def test_the_key_is_made_once_and_readable_by_its_owner_only(data: Path):
    first = keys.verifier_key().vkey
    assert keys.verifier_key().vkey == first
    [path] = (data / "secrets").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.django_db
def test_a_proof_reads_less_than_one_tile_of_each_level(record: Record):
    record(520)
    log.seal()
    read: list[int] = []

    def nodes(level: int, start: int, stop: int) -> list[bytes]:
        read.append(stop - start)
        return log.nodes(level, start, stop)

    tree.inclusion_proof(300, 520, tiles.subtree_over(nodes))
    assert max(read) < tiles.WIDTH
