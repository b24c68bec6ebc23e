"""The pages for those who trust nobody: five steps, one entry's proof, witnesses, old texts."""

from pathlib import Path

import pytest
from django.test import Client

from countersign.tlog import note
from governance.audit import keys, log, witnesses
from governance.models import Content, Entry, Witness
from tests.audit.test_erasure import recorded
from tests.tlog.test_witness import EVE
from tests.tlog.witnesses import KEY, witnessing


@pytest.fixture
def sealed(db: None) -> str:
    """Three entries, sealed; the checkpoint that Cleo keeps."""
    recorded(3, years=0)
    log.seal()
    published = log.published_checkpoint()
    assert published is not None
    return published.note


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_log_says_who_witnessed_what_and_how_far(
    sealed: str, cleo: Client, tmp_path: Path
) -> None:
    assert "No witness is asked yet" in page(cleo, "/audit/")
    with witnessing(tmp_path / "w", keys.verifier_key()) as url:
        witness = witnesses.add(url, KEY.vkey, actor="user:1")
        log.seal()
        witnesses.ask_witness(witness.pk)
    assert "up to date" in page(cleo, "/audit/")
    recorded(2, years=0)
    log.seal()
    shown = page(cleo, "/audit/")
    assert KEY.name in shown and "2 entries behind" in shown and "Remove this witness" not in shown
    Witness.objects.update(problem="witness.fork", failures=1)
    assert "has seen another history than this one" in page(cleo, "/audit/")


def test_an_administrator_adds_and_removes_witnesses_and_nobody_else(
    sealed: str, rita: Client, cleo: Client, dan: Client
) -> None:
    right = {"url": " https://witness.example/w1 ", "vkey": KEY.vkey}
    for other in (cleo, dan):
        assert other.post("/audit/witnesses/", right).status_code == 403
    shown = rita.post("/audit/witnesses/", {"url": "ftp://x", "vkey": KEY.vkey}, follow=True)
    assert b"An address is http://" in shown.content
    assert b"ftp://x" not in shown.content
    assert not Witness.objects.exists()
    assert b"is asked from now on" in rita.post("/audit/witnesses/", right, follow=True).content
    number = Witness.objects.get().pk
    assert cleo.post(f"/audit/witnesses/{number}/remove/").status_code == 403
    assert b"asked no more" in rita.post(f"/audit/witnesses/{number}/remove/", follow=True).content
    assert rita.post(f"/audit/witnesses/{number}/remove/").status_code == 404


def test_an_entry_shows_what_was_hashed_and_its_proof(sealed: str, cleo: Client) -> None:
    shown = page(cleo, "/audit/entries/1/")
    entry = Entry.objects.get(leaf__index=1)
    assert "c2sp.org/tlog-proof@v1" in shown
    assert bytes(entry.body).decode().replace('"', "&quot;") in shown
    assert "Ada Lovelace" in shown
    for beyond in ("3", "99999999999999999999"):
        assert cleo.get(f"/audit/entries/{beyond}/").status_code == 404


def test_a_kept_checkpoint_is_held_against_the_log_of_today(sealed: str, cleo: Client) -> None:
    recorded(2, years=0)
    log.seal()
    shown = cleo.post("/audit/outside/", {"checkpoint": sealed.replace("\n", "\r\n")})
    assert "begins with exactly the 3" in shown.content.decode()
    forged = note.Checkpoint(keys.verifier_key().name, 3, bytes(32))
    rewritten = note.sign(forged.text, forged.origin, keys.log_key())
    shown = cleo.post("/audit/outside/", {"checkpoint": rewritten})
    assert "does not continue your checkpoint" in shown.content.decode()
    longer = forged._replace(size=99)
    shown = cleo.post(
        "/audit/outside/",
        {"checkpoint": note.sign(longer.text, longer.origin, keys.log_key())},
    )
    assert "does not continue your checkpoint" in shown.content.decode()


@pytest.mark.parametrize("text", ["", "hello", "\x01", "x" * 2_000_000, "EVE", "— a b\n" * 200])
def test_what_this_log_never_signed_is_refused(sealed: str, cleo: Client, text: str) -> None:
    forged = note.Checkpoint(keys.verifier_key().name, 3, bytes(32))
    text = text.replace("EVE", note.sign(forged.text, forged.origin, EVE))
    shown = cleo.post("/audit/outside/", {"checkpoint": text})
    assert shown.status_code == 422
    assert "key has not signed that" in shown.content.decode()


def test_the_five_steps_name_this_log(sealed: str, cleo: Client, ada: Client) -> None:
    shown = page(cleo, "/audit/outside/")
    assert shown.count("<h2") == 5
    assert keys.verifier_key().vkey in shown.replace("&#x27;", "'")
    assert ada.get("/audit/outside/").status_code == 403


def test_old_texts_are_erased_by_who_sets_policies(dan: Client, cleo: Client) -> None:
    recorded(256, years=8)
    log.seal()
    assert "256 behind the first 256 entries" in page(cleo, "/audit/texts/")
    assert "Erase them" not in page(cleo, "/audit/texts/")
    assert cleo.post("/audit/erase/").status_code == 403
    assert b"256 texts were erased" in dan.post("/audit/erase/", follow=True).content
    assert not Content.objects.exists()
    assert "None is older than" in page(cleo, "/audit/texts/")
