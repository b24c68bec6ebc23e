"""The dossier: same records, same bytes; hostile names stay text; the signature covers it all."""

from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from asn1crypto import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from appliance.dossier.contents import contents_of
from appliance.dossier.signing import self_issued, signed
from appliance.dossier.typesetting import as_json, printable, typeset
from countersign.tlog import note, tree
from governance import deployments, registry, reviews, senders
from governance.audit import keys, log
from governance.models import Model, Version
from tests import cast
from tests.detectors.world import World
from tests.signoff.cast import make_cast
from tests.web.conftest import drifted, labelled

# What would run, or end a string, a row or the file, were it not only shown.
HOSTILE = '#panic("ran") $x$ *bold* _it_ `raw` "#sys.inputs" \\ </script> @cite <label> = head'
ODD = "Ünïcödé 漢字 עברית \u202e\u0301 😀 " + "W" * 120


def an_empty_version() -> Version:
    registry.register_model("bare", actor="user:1")
    return registry.register_version("bare", "1", "a" * 64, actor="user:1")[0]


def a_full_version(world: World) -> Version:
    """A version with something in every section, all of it hostile or odd."""
    version, now, ada = world.version, timezone.now(), cast.person("ada")
    told: dict[str, Any] = {"purpose": HOSTILE[:500], "limits_of_use": ODD, "vendor": ODD[:200]}
    registry.describe_model(version.model, told, [], [HOSTILE], actor="user:1")
    deployments.start_deployment(
        version, "production", since=now - timedelta(days=1), actor="user:1"
    )
    finding = reviews.raise_finding(
        version.model,
        title=HOSTILE,
        text=ODD,
        severity="high",
        owner=HOSTILE,
        due=date(2026, 9, 1),
        actor="user:1",
    )
    reviews.close_finding(finding, evidence=HOSTILE, person=cast.person("vera"))
    reviews.request_exception(
        version.model,
        title=HOSTILE,
        reason=ODD,
        owner=ODD[:200],
        expires_at=now + timedelta(days=9),
        person=ada,
    )
    aim = reviews.set_objective(version.model, HOSTILE, actor="user:1")
    reviews.require(
        aim,
        text=HOSTILE,
        monitor="realised_performance",
        metric="accuracy",
        at_least=0.5,
        at_most=None,
        actor="user:1",
    )
    return version


@pytest.fixture
def full(loans: World) -> Version:
    drifted(loans)
    labelled(loans, 6)
    version = a_full_version(loans)
    log.seal()
    return Version.objects.select_related("model").get(pk=version.pk)


def test_a_version_of_which_nothing_is_known_has_a_dossier(db: None) -> None:
    contents = contents_of(an_empty_version())
    assert typeset(contents).startswith(b"%PDF-")
    assert "No sign-off was asked for" in contents["answer"]


def test_the_same_records_give_the_same_bytes_however_the_log_grows(full: Version) -> None:
    first = contents_of(full)
    for _ in range(3):
        registry.register_model(f"other{_}", actor="user:1")
        log.seal()
    again = contents_of(full)
    assert as_json(first) == as_json(again)
    assert typeset(first) == typeset(again)
    registry.describe_model(full.model, {"owner": "Grace"}, actor="user:1")
    assert as_json(contents_of(full)) != as_json(first)


def test_hostile_names_are_shown_and_never_run(full: Version) -> None:
    contents = contents_of(full)
    pdf = typeset(contents)
    assert pdf.startswith(b"%PDF-") and b"pdfaid" in pdf
    titles = [section["title"] for section in contents["sections"]]
    assert {"Performance", "Drift", "Findings", "Exceptions", "Privacy card"} <= set(titles)
    assert any(b.get("charts") for s in contents["sections"] for b in s["blocks"])
    [findings] = [s for s in contents["sections"] if s["title"] == "Findings"]
    assert findings["blocks"][0]["rows"][0][0] == f"{HOSTILE}\n{ODD}"


def test_approvals_and_conditions_are_told_as_they_were_signed_and_proved(db: None) -> None:
    made = make_cast()
    sign_off = made.request(reason=HOSTILE)
    made.vera.decide(sign_off, "approve_with_conditions")
    made.paul.decide(sign_off)
    log.seal()
    version = Version.objects.select_related("model").get()
    contents = contents_of(version)
    assert contents["answer"].startswith("Sign-off: approved.")
    [approvals] = [s for s in contents["sections"] if s["title"] == "Approvals and conditions"]
    facts, decided, conditions = approvals["blocks"]
    assert ["Why it was asked for", HOSTILE] in facts["facts"]
    assert [row[0] for row in decided["rows"]] == ["vera", "paul"]
    assert conditions["rows"] == [["performance: auroc", "0.75", "–"]]
    assert [each["what"] for each in contents["proofs"]] == [
        "Decision: approve_with_conditions",
        "Decision: approve",
        "Summary: PASSED",
    ]
    assert typeset(contents).startswith(b"%PDF-")
    page = cast.enter("cleo").get(reverse("record", args=["loans"])).content.decode()
    assert "since the last approval" in page
    assert "Sign-off of version 1: approve with conditions" in page


def test_every_character_that_is_set_has_a_glyph_and_others_are_numbered(db: None) -> None:
    known = "".join(c for c in map(chr, range(0x20, 0x2300)) if printable(c) == c)
    assert len(known) > 1_500
    contents = contents_of(an_empty_version())
    assert typeset(contents | {"answer": " ".join(known)}).startswith(b"%PDF-")
    assert printable("\u6f22 \x07 \u202e") == "[U+6F22] [U+0007] [U+202E]"


def test_every_proof_verifies_with_the_logs_key_alone(full: Version) -> None:
    proofs = contents_of(full)["proofs"]
    assert [each["what"] for each in proofs] == ["Baseline accepted"]
    for each in proofs:
        proof = note.parse_proof(each["proof"].encode())
        checkpoint = note.open_checkpoint(proof.checkpoint, [keys.verifier_key()])
        leaf = tree.leaf_hash(each["recorded"].encode())
        tree.check_inclusion(leaf, proof.index, checkpoint.size, checkpoint.root, proof.hashes)


def test_the_signature_covers_the_file_and_one_changed_byte_breaks_it(db: None) -> None:
    """All but the signature itself is covered. A sample of it, every 997th byte, is changed: all
    of them would take most of an hour. The JSON is attached, so it is covered as well.
    """
    pdf = typeset(contents_of(an_empty_version()))
    done = signed(pdf)
    assert done.startswith(pdf), "what was typeset stays, byte for byte"
    assert self_issued() == self_issued()
    ours = x509.Certificate.load(self_issued().public_bytes(Encoding.DER))

    def status(content: bytes) -> Any:
        [signature] = PdfFileReader(BytesIO(content)).embedded_signatures
        return validate_pdf_signature(signature, ValidationContext(trust_roots=[ours]))

    verdict = status(done)
    assert verdict.intact and verdict.valid and verdict.trusted
    assert verdict.coverage.name == "ENTIRE_FILE"
    [signature] = PdfFileReader(BytesIO(done)).embedded_signatures
    start, before, after, rest = signature.byte_range
    assert (start, after + rest) == (0, len(done))
    assert done[before:after].strip(b"<>").isalnum(), "between lies the signature, nothing else"
    covered = [*range(before), *range(after, len(done))]
    for place in (*covered[::997], before - 1, after, len(done) - 1):
        changed = bytearray(done)
        changed[place] ^= 1
        try:
            assert not status(bytes(changed)).intact
        except Exception as broken:  # a file that no reader opens is refused as well
            assert not isinstance(broken, AssertionError)


def test_people_and_pipelines_get_it_and_strangers_do_not(full: Version) -> None:
    where = {form: reverse(f"dossier-{form}", args=["loans", "1"]) for form in ("pdf", "json")}
    cleo = cast.enter("cleo")
    answer = cleo.get(where["pdf"])
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="dossier-loans-1.pdf"'
    assert cleo.get(where["json"]).content == as_json(contents_of(full))
    pipeline = {"Authorization": f"Bearer {senders.issue_token('ci', ['read'], actor='user:1')}"}
    for form, at in (("pdf", b"%PDF-"), ("json", b"{")):
        told = Client().get(f"/api/v1/versions/loans/1/dossier.{form}", headers=pipeline)
        assert told.content.startswith(at)
    assert Client().get("/api/v1/versions/loans/1/dossier.pdf").status_code == 401
    assert cleo.get(reverse("dossier-pdf", args=["loans", "9"])).status_code == 404
    Model.objects.update(business_unit="lending")
    stranger = cast.logged_in(cast.somebody("eve", *cast.Role, unit="cards"))
    assert stranger.get(where["pdf"]).status_code == 404
    assert Client().get(where["pdf"]).status_code == 302
    assert User.objects.filter(username="eve").exists()
