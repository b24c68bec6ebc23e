"""Approvals: what a person signs before a version may run. docs/formats/approval.md explains it.

Whoever approves signs two statements with a key that only they hold:

* their own `Decision` (`urn:countersign:decision:v1`): name, time and meaning of the signature,
  what was checked, which conditions go with it, and what it rests on;
* the `Agreement` (`urn:countersign:agreement:v1`): the same bytes for everybody who approves, so
  that one DSSE envelope can carry all their signatures and be verified t of n by any DSSE tool.

A rejection or a revocation is a decision alone. Both statements name the request by its random
identity and by the digests of the evidence and the policy that were frozen when it was made: a
signature can't be taken from one request to another.
"""

from typing import Annotated, Literal

from msgspec import Meta

from .tables import Digest, Moment, Real, Slug, Token, Wire

Act = Literal["approve", "approve_with_conditions", "reject", "revoke"]
APPROVALS: frozenset[Act] = frozenset({"approve", "approve_with_conditions"})
MEANINGS: dict[Act, str] = {
    "approve": "I approve that this version may run, on the evidence and policy named here.",
    "approve_with_conditions": "I approve that this version may run as long as the conditions "
    "named here hold, on the evidence and policy named here.",
    "reject": "I reject this version: it may not run.",
    "revoke": "I revoke the approval of this version: it may no longer run.",
}

Line = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,200}$(?!\n)")]
Text = Annotated[str, Meta(pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]{0,2000}$(?!\n)")]
Figure = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_. :-]{0,99}$(?!\n)")]


class Condition(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """A bound that the monitors watch. Exactly one of `at_least` and `at_most` is given.

    `performance`: a metric, such as `auroc`. `fairness`: a figure by group, such as `sex:ratio`.
    `drift`: `alarms`, the columns that alarm in one window. `incidents`: how many of the severity
    that `figure` names, or worse, are open at once.
    """

    kind: Literal["performance", "fairness", "drift", "incidents"]
    figure: Figure
    at_least: Real | None = None
    at_most: Real | None = None


class Agreement(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """What all who approve have agreed on; `quorum` of them are needed, for this `level`."""

    model: Slug
    version: Slug
    request: Token
    evidence: Digest
    policy: Digest
    quorum: Annotated[int, Meta(ge=1, le=9)]
    level: Annotated[str, Meta(pattern=r"^MRM_[A-Z0-9_]{1,40}$(?!\n)")]


class Decision(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """One person's decision. `meaning` is the sentence that belongs to the act (`MEANINGS`).

    `agreement` is the SHA-256 of the agreement's statement. `review_by` may ask for an earlier
    review than the policy does.
    """

    model: Slug
    version: Slug
    request: Token
    act: Act
    name: Line
    meaning: Line
    at: Moment
    evidence: Digest
    policy: Digest
    agreement: Digest
    checklist: Annotated[list[Slug], Meta(max_length=20)] = []
    conditions: Annotated[list[Condition], Meta(max_length=20)] = []
    review_by: Moment | None = None
    reason: Text = ""
