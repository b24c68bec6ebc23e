"""Facts for the log: what may be recorded, and how.

An entry is canonical JSON: keys sorted, no white space, UTF-8; whole numbers, short identifiers,
times and digests, never a person's name or free text. The names of models, versions and deployments
are identifiers and stand in it as they are. Names and texts go into `Content` with a salt of 32
random bytes, and the entry holds SHA256(salt | text). Erasing salt and text leaves every proof
valid, and without the salt nobody can find the text by guessing.

>>> canonical({"kind": "version.registered", "digest": "ab", "actor": "user:7"})
b'{"actor":"user:7","digest":"ab","kind":"version.registered"}'
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from django.db import connection, transaction
from django.utils import timezone

from countersign.tlog.tiles import MAX_ENTRY
from governance.models.audit import Content, Entry, Pending

# Every kind of entry that the log may hold, and what it says.
KINDS = {
    "administrator.created": "The first administrator was set up with a one-time link.",
    "administrator.made": "Somebody administers from now on: manages accounts and keys.",
    "administrator.unmade": "Somebody no longer administers.",
    "person.invited": "An account was made, and its link handed over.",
    "person.joined": "Somebody used their link and set a password.",
    "person.deactivated": "Somebody can no longer log in.",
    "person.reactivated": "Somebody can log in again.",
    "person.erased": "Name and address of a deactivated person were erased.",
    "role.granted": "Somebody was given a role, in a business unit or in all.",
    "role.withdrawn": "A role was taken back.",
    "second_factor.reset": "An administrator made a person's second factor be forgotten.",
    "model.registered": "A model was registered.",
    "model.placed": "A model was put into a business unit and a tier, whose policies hold for it.",
    "model.changed": "What the inventory says of a model was changed: before and after.",
    "policy.changed": "An administrator set the privacy rules of a level, for a reason.",
    "policy.proposed": "Somebody proposed what the alert policy of a level shall say; its digest.",
    "policy.approved": "Another person let a proposed alert policy come into force.",
    "policy.rejected": "Another person turned a proposed alert policy down.",
    "policy.withdrawn": "A proposed alert policy was taken back.",
    "policy.replay_failed": "A proposal's replay failed several times at one model: given up.",
    "policy.replayed": "A proposal was replayed on stored counts, up to which time.",
    "exemption.requested": "Somebody asked that a model need not follow settings, until when.",
    "exemption.approved": "Another person agreed to an exemption.",
    "exemption.ended": "An exemption was ended before its time.",
    "unit.placed": "A business unit became part of another one, or of none.",
    "version.registered": "A version of a model was registered with its digest.",
    "version.changed": "What is known of a version was completed, or its labels changed.",
    "deployment.started": "A version was put to use in an environment.",
    "deployment.ended": "A version is no longer used in an environment.",
    "objective.changed": "What is asked of a model, and how it is measured, was changed.",
    "finding.raised": "A validator or auditor found something that must be mended.",
    "finding.closed": "Somebody other than its owner closed a finding, by evidence.",
    "exception.requested": "Somebody asked for an exception for a model, for a time.",
    "exception.approved": "A second person agreed to an exception.",
    "exception.refused": "A second person refused an exception.",
    "exception.ended": "An exception was ended before its time.",
    "baseline.accepted": "What a version's columns looked like when it was known to be good.",
    "plan.issued": "What a version's collectors are to count was settled and signed.",
    "plan.withdrawn": "The policy no longer allows what a plan counts, and took it back.",
    "window.accepted": "A window statement was accepted; its digest.",
    "window.examined": "A window was examined: how much was found, which incidents it fed.",
    "window.failed": "A window could not be examined, however often it was tried.",
    "window.late": "A scheduled window came after its time.",
    "window.missing": "A scheduled window had not come when its time was over.",
    "outcomes.accepted": "A statement of labels for an earlier window was accepted.",
    "event.accepted": "An event around a model was accepted.",
    "upload.refused": "An upload was refused, by which rule.",
    "one_time_token.issued": "A link that works once was issued, for which purpose.",
    "key.enrolled": "A collector's public key was enrolled.",
    "key.limited": "A collector's key is for these models from now on; for all, if none is named.",
    "key.revoked": "A collector's key no longer vouches for anything.",
    "token.issued": "A bearer token was issued, with its scopes.",
    "token.revoked": "A bearer token no longer works.",
    "incident.opened": "Findings opened an incident, under which policy.",
    "incident.acknowledged": "Somebody took an incident on.",
    "incident.assigned": "An incident was given to somebody, with a day by which it is due.",
    "incident.commented": "Somebody said something about an incident.",
    "incident.reopened": "Findings opened an incident again soon after it was resolved.",
    "incident.resolved": "Somebody closed an incident: what it was, and why it is over.",
    "incident.snoozed": "Somebody put an incident off, for a reason.",
    "route.made": "A channel was set up on which people are told of incidents.",
    "route.switched_off": "A channel was switched off, by somebody or because it kept failing.",
    "route.switched_on": "A channel was switched on again.",
    "route.tested": "Somebody let a test message be sent.",
    "silence.made": "Somebody let findings be held back for a while, for a reason.",
    "silence.lifted": "A silence was ended before its time.",
    "finding.held_back": "Nobody was told of a finding: by which silence or broken data.",
    "approver_key.enrolled": "A person enrolled the public half of a key that only they hold.",
    "approver_key.revoked": "A person's key signs nothing any more.",
    "signoff.requested": "A sign-off was asked for: evidence, policy and quorum were frozen.",
    "signoff.withdrawn": "A request for a sign-off was taken back.",
    "signoff.decided": "A person decided on a version and signed it with their own key.",
    "signoff.passed": "The quorum approved; the appliance signed a summary.",
    "signoff.failed": "An approval ended, by which rule; the appliance signed a summary.",
    "signoff.expired": "A request was not decided in its time, and is closed.",
    "inventory.exported": "The inventory of models was exported.",
    "export.made": "The log was exported.",
    "witness.added": "Another party's machine is asked to sign the log's checkpoints.",
    "witness.removed": "A witness is no longer asked; what it signed stays.",
    "content.erased": "A name or text behind an earlier entry was erased.",
    "content.expired": "The names and texts behind all entries up to a place were erased: their "
    "time was over.",
    "log.restarted": "The log goes on under a new name, after a restore or the loss of its key.",
}

ABOUT_ACCOUNTS = {"administrator.created", "person.invited"}  # their contents name a person
NOTHING: Mapping[str, str] = MappingProxyType({})
SALT_BYTES = 32
LARGEST = 2**53 - 1  # whole numbers that every JSON reader keeps exact

_ACTOR = re.compile(r"countersign|(?:user|token):[0-9]{1,19}|key:[0-9a-f]{1,64}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9._:/+=-]{0,200}")

Fact = int | str | bool | datetime | list["Fact"] | dict[str, "Fact"] | None


class EntryRefused(ValueError):
    """The entry cannot be recorded, so what it records must not happen either."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


def record(kind: str, *, actor: str, content: Mapping[str, str] = NOTHING, **facts: Fact) -> Entry:
    """Add an entry to the log, in the caller's transaction: both are committed or neither.

    `actor` is `countersign`, or `user:`, `key:` or `token:` with an id. `content` are names and
    free text, by field. `facts` are everything else. Raises `EntryRefused`; let it abort the
    transaction. The entry gets its place in the log a moment later, when the log is sealed.
    """
    if not connection.in_atomic_block:
        raise EntryRefused("entry.no_transaction", "record inside transaction.atomic()")
    if kind not in KINDS:
        raise EntryRefused("entry.kind", "this kind is not in the table of kinds")
    if not _ACTOR.fullmatch(actor):
        raise EntryRefused("entry.actor", "an actor is countersign, user:ID, key:ID or token:ID")
    if "time" in facts:
        raise EntryRefused("entry.facts", "the time of an entry is its own")
    now = timezone.now()
    salted = {field: (secrets.token_bytes(SALT_BYTES), text) for field, text in content.items()}
    body = facts | {"kind": kind, "actor": actor, "time": now}
    if salted:
        body["content"] = {field: salted_digest(*pair) for field, pair in salted.items()}
    entry = Entry.objects.create(kind=kind, body=canonical(body), created_at=now)
    Pending.objects.create(entry=entry)
    Content.objects.bulk_create(
        Content(entry=entry, field=field, salt=salt, text=text)
        for field, (salt, text) in salted.items()
    )
    return entry


def erase_content(entry: Entry, *, actor: str) -> int:
    """Erase the names and texts behind an entry, and record that. Returns how many there were.

    The digests in the entry stay, and with them every proof; what they stand for is gone.
    """
    with transaction.atomic():
        erased, _ = Content.objects.filter(entry=entry).delete()
        if erased:
            record("content.erased", actor=actor, entry=entry.pk)
    return erased


def naming(pattern: str, actor: str) -> list[Entry]:
    """Entries whose contents match the (PostgreSQL) pattern, or name the person `actor` (`user:7`)
    because the entry is about their account."""
    about = Entry.objects.filter(kind__in=ABOUT_ACCOUNTS, contents__isnull=False).distinct()
    its_own = [entry for entry in about if _is_about(entry, actor)]
    return list({*Entry.objects.filter(contents__text__iregex=pattern), *its_own})


def contents_of(entry: Entry) -> dict[str, str]:
    """The names and texts behind an entry, by field, as far as they are not erased."""
    return dict(Content.objects.filter(entry=entry).values_list("field", "text"))


def salted_digest(salt: bytes, text: str) -> str:
    """What an entry holds instead of a text."""
    return hashlib.sha256(salt + text.encode()).hexdigest()


def canonical(body: Mapping[str, Fact]) -> bytes:
    """The bytes that are hashed. Equal facts give equal bytes; raises `EntryRefused`."""
    data = json.dumps(
        _plain(dict(body)), ensure_ascii=False, separators=(",", ":"), sort_keys=True
    ).encode()
    if len(data) > MAX_ENTRY:
        raise EntryRefused("entry.too_long", f"an entry has at most {MAX_ENTRY} bytes; log digests")
    return data


def _is_about(entry: Entry, actor: str) -> bool:
    body = json.loads(bytes(entry.body))
    return bool(body.get("person", body["actor"]) == actor)


def _plain(fact: Fact) -> Fact:
    """The fact as JSON can hold it; refuses what could be a text, or be written in two ways."""
    match fact:
        case None | bool():
            return fact
        case int() if abs(fact) <= LARGEST:
            return fact
        case str() if _IDENTIFIER.fullmatch(fact):
            return fact
        case datetime() if fact.tzinfo is not None:
            return fact.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case list():
            return [_plain(each) for each in fact]
        case dict() if all(_IDENTIFIER.fullmatch(key) for key in fact):
            return {key: _plain(value) for key, value in fact.items()}
    raise EntryRefused(
        "entry.facts",
        "facts are whole numbers, times with a zone and identifiers without white space; "
        "names and texts go into content",
    )
