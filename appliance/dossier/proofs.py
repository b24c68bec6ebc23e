"""The dossier's proofs: entries of the log that concern the version, each with its place in it.

Each proof is under the oldest checkpoint that covers all of them, so that the log may grow and the
dossier stays as it is.
"""

from dataclasses import asdict

from governance.audit import evidence_proofs
from governance.audit.evidence_proofs import Proof
from governance.models import SignOffDecision, SignOffSummary, Version

from .blocks import Section, section, text, verbatim

HOW = (
    "Each entry is in this appliance’s log, whose checkpoint is signed and perhaps witnessed. With "
    "the log’s public key anyone can check that offline: the proofs are C2SP tlog-proof files of "
    "the entries’ exact bytes."
)


def proofs_of(version: Version) -> list[dict[str, object]]:
    """The entries, their exact bytes as text, and their proofs; sealed ones only."""
    return [{"what": what, **asdict(proof)} for what, proof in _proved(version)]


def told(version: Version) -> Section:
    """The same for the page."""
    proved = _proved(version)
    if not proved:
        return section("Proofs", text("The log is not sealed so far; ask again in a moment."))
    blocks = [
        verbatim(f"{what}, entry {proof.index} of the log", f"{proof.recorded}\n\n{proof.proof}")
        for what, proof in proved
    ]
    return section("Proofs", text(HOW), *blocks)


def _proved(version: Version) -> list[tuple[str, Proof]]:
    named = [
        ("Baseline accepted", entry)
        for entry in version.baselines.order_by("revision").values_list(
            "statement__entry", flat=True
        )
    ]
    decided = SignOffDecision.objects.filter(sign_off__version=version).order_by("pk")
    named += [(f"Decision: {act}", entry) for act, entry in decided.values_list("act", "entry")]
    summed = SignOffSummary.objects.filter(sign_off__version=version).order_by("pk")
    named += [(f"Summary: {told}", entry) for told, entry in summed.values_list("result", "entry")]
    found = evidence_proofs.proofs_of([entry for _, entry in named])
    return [(what, found[entry]) for what, entry in named if entry in found]
