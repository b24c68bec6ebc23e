"""The appliance asks its witnesses: their lines are kept and served, and none holds it up."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.urls import include, path

from countersign.statement import Refused
from countersign.tlog import note, tree
from governance import jobs
from governance.audit import keys, log, mark, selfcheck, witnesses
from governance.models import Checkpoint, Cosignature, Entry, Leaf, Witness
from tests.tlog.witnesses import KEY, answer, answering, witnessing

from .conftest import Record

urlpatterns = [path("log/", include("appliance.log_site"))]
pytestmark = pytest.mark.urls(__name__)
DAN = "user:1"


@pytest.fixture
def sealed(record: Record) -> Record:
    """A log of seven entries, and more on request."""

    def more(count: int = 1) -> list[Entry]:
        recorded = record(count)
        log.seal()
        return recorded

    more(7)
    return more


def ask(witness: Witness) -> Witness:
    """As the job would when the witness is due."""
    Witness.objects.filter(pk=witness.pk).update(due_at=witness.added_at)
    witnesses.ask_witness(witness.pk)
    witness.refresh_from_db()
    return witness


@pytest.mark.django_db
def test_a_witnessed_checkpoint_is_served_with_the_witness_line(sealed: Record, tmp_path: Path):
    with witnessing(tmp_path / "w", keys.verifier_key()) as url:
        witness = ask(witnesses.add(url, KEY.vkey, actor=DAN))
        assert (witness.problem, witness.failures) == ("", 0)
        sealed(5)
        ask(witness)
    served = Client().get("/log/checkpoint").content
    text, signers = note.open_note(served, [keys.verifier_key(), KEY])
    assert [key.name for key in signers] == [keys.verifier_key().name, KEY.name]
    assert note.parse_checkpoint(text).size == 13  # that the witness was added is in the log
    assert abs(Cosignature.objects.latest("pk").at.timestamp() - time.time()) < 300
    assert not selfcheck.check().problems


@pytest.mark.django_db
def test_proofs_stand_under_the_newest_witnessed_checkpoint(sealed: Record, tmp_path: Path):
    first = Entry.objects.earliest("pk")
    with witnessing(tmp_path / "w", keys.verifier_key()) as url:
        ask(witnesses.add(url, KEY.vkey, actor=DAN))
    newest = sealed(1)[0]
    for entry, signers in ((first, 2), (newest, 1)):
        proof = note.parse_proof((log.inclusion_proof(entry) or "").encode())
        assert len(note.open_note(proof.checkpoint, [keys.verifier_key(), KEY])[1]) == signers
        checkpoint = note.open_checkpoint(proof.checkpoint, [keys.verifier_key()])
        leaf = tree.leaf_hash(bytes(entry.body))
        tree.check_inclusion(leaf, proof.index, checkpoint.size, checkpoint.root, proof.hashes)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answers", "rule"),
    [([], "witness.unreachable"), ([answer(200, b"ok")], "witness.answer")],
)
def test_a_witness_that_fails_is_asked_less_often_and_holds_nothing_up(
    sealed: Record, answers: list[bytes], rule: str
):
    with answering(*answers) as url:
        witness = witnesses.add(url if answers else "http://127.0.0.1:1", KEY.vkey, actor=DAN)
        ask(witness)
    assert (witness.problem, witness.failures) == (rule, 1)
    pauses = []
    for _ in range(8):
        before = ask(witness).due_at
        pauses.append(before - witness.added_at)
        sealed()
    assert witness.failures == 9
    assert pauses[-1] > pauses[0]
    assert max(pauses) < witnesses.LONGEST_PAUSE + timedelta(minutes=5)
    assert Client().get("/log/checkpoint").status_code == 200
    assert not Cosignature.objects.exists()


@pytest.mark.django_db
def test_only_who_is_due_and_lacks_a_signature_is_asked(sealed: Record, tmp_path: Path):
    with witnessing(tmp_path / "w", keys.verifier_key()) as url:
        witness = witnesses.add(url, KEY.vkey, actor=DAN)
        log.seal()
        assert witnesses.due() == [witness.pk]
        jobs.ask_witness(witness.pk)
        assert Cosignature.objects.count() == 1
        Witness.objects.update(due_at=witness.added_at)
        assert witnesses.due() == []  # nothing new to sign
        sealed()
        assert witnesses.due() == [witness.pk]
        witnesses.remove(witness, actor=DAN)
        assert witnesses.due() == []
        jobs.ask_witness(witness.pk)
    assert Cosignature.objects.count() == 1
    assert list(
        Entry.objects.filter(kind__startswith="witness.").values_list("kind", flat=True)
    ) == [
        "witness.added",
        "witness.removed",
    ]


@pytest.mark.django_db(transaction=True)
def test_two_jobs_at_once_ask_once(sealed: Record, tmp_path: Path):
    with witnessing(tmp_path / "w", keys.verifier_key()) as url:
        witness = witnesses.add(url, KEY.vkey, actor=DAN)
        start = threading.Barrier(2)

        def job(_: int) -> None:
            start.wait()
            witnesses.ask_witness(witness.pk)
            connection.close()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(job, range(2)))
    assert Cosignature.objects.count() == 1
    witness.refresh_from_db()
    assert (witness.problem, witness.failures) == ("", 0)


@pytest.mark.django_db
def test_a_restored_database_is_told_by_its_witness(sealed: Record, tmp_path: Path, data: Path):
    """Even when the mark was restored with it: the witness is another machine."""
    with witnessing(tmp_path / "w", keys.verifier_key()) as url:
        witness = ask(witnesses.add(url, KEY.vkey, actor=DAN))
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in ("cosignature", "checkpoint", "leaf"):
                cursor.execute(f"ALTER TABLE governance_{table} DISABLE TRIGGER log_only_grows")
            cursor.execute("DELETE FROM governance_cosignature")
            cursor.execute("DELETE FROM governance_checkpoint")
            cursor.execute("UPDATE governance_leaf SET hash = sha256('other') WHERE index = 3")
        hashes = [bytes(leaf.hash) for leaf in Leaf.objects.order_by("index")[:5]]
        for path in (data / "log").iterdir():
            path.unlink()
        promise = note.Checkpoint(keys.verifier_key().name, 5, tree.root(hashes))
        signed = note.sign(promise.text, promise.origin, keys.log_key())
        Checkpoint.objects.create(size=5, root=promise.root, note=signed)
        mark.raise_to(promise)
        assert ask(witness).problem == "witness.ahead"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rule", "url", "vkey"),
    [
        ("witness.url", "ftp://w.example", KEY.vkey),
        ("witness.url", "http://", KEY.vkey),
        ("witness.url", "http://user:secret@w.example/", KEY.vkey),
        ("witness.url", "http://w.example/?x=1", KEY.vkey),
        ("witness.url", "http://w.example/#x", KEY.vkey),
        ("witness.url", "http://w.example/\r\nX: y", KEY.vkey),
        ("witness.url", "http://w.example:99999/", KEY.vkey),
        ("witness.url", "http://[::1/", KEY.vkey),
        ("witness.url", "javascript:alert(1)", KEY.vkey),
        ("witness.url", "http://w.example/" + "x" * 500, KEY.vkey),
        ("witness.vkey", "http://w.example", "no key"),
        ("witness.vkey", "http://w.example", ""),
        ("witness.vkey", "http://w.example", KEY.vkey[:-1] + "d"),
        ("witness.vkey", "http://w.example", "LOG"),
    ],
)
def test_what_cannot_be_a_witness(rule: str, url: str, vkey: str):
    with pytest.raises(Refused) as refusal:
        witnesses.add(url, vkey.replace("LOG", keys.verifier_key().vkey), actor=DAN)
    assert refusal.value.rule == rule
    assert not Witness.objects.exists()


@pytest.mark.django_db
def test_one_witness_is_asked_under_one_address():
    witnesses.add("https://w.example/w1", KEY.vkey, actor=DAN)
    with pytest.raises(Refused, match=r"witness\.known"):
        witnesses.add("https://other.example/", KEY.vkey, actor=DAN)


@pytest.mark.django_db
def test_a_line_that_was_put_in_by_hand_is_noticed(sealed: Record):
    witness = witnesses.add("https://w.example/w1", KEY.vkey, actor=DAN)
    Cosignature.objects.create(
        checkpoint=Checkpoint.objects.get(),
        witness=witness,
        line=f"— {KEY.name} {'A' * 96}\n",
        at=witness.added_at,
    )
    assert any("is not its own" in problem for problem in selfcheck.check().problems)
