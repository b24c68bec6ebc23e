"""What was changed of a model: readable here, and in the log as salted digests of before and after.

Small changes add up: `since` counts what has happened to a model since its last sign-off.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from django.db.models import Max

from governance.audit import entries
from governance.models import Change, Deployment, Model, SignOffSummary, Version

Facts = Mapping[str, object]


def note(
    kind: str,
    model: Model,
    about: str,
    before: Facts,
    after: Facts,
    *,
    actor: str,
    **clear: str | int | None,
) -> bool:
    """Record what differs between two states, in the caller's transaction; False if nothing does.

    `kind` is the log's. Most values are names and texts, so the log holds salted digests of both
    states; `clear` are identifiers that it holds besides, as they are.
    """
    fields = sorted(name for name in after if before.get(name) != after[name])
    if not fields:
        return False
    was, now = ({name: state.get(name) for name in fields} for state in (before, after))
    Change.objects.create(model=model, about=about, before=was, after=now, actor=actor)
    content = {"before": _text(was), "after": _text(now)}
    facts: dict[str, entries.Fact] = {"model": model.name, "fields": [*fields], **clear}
    entries.record(kind, actor=actor, content=content, **facts)
    return True


def since(model: Model, when: datetime) -> dict[str, int]:
    """How often each kind of thing has changed since then."""
    return {
        "inventory": Change.objects.filter(model=model, at__gt=when).count(),
        "versions": Version.objects.filter(model=model, registered_at__gt=when).count(),
        "deployments": Deployment.objects.filter(model=model, since__gt=when).count(),
    }


def last_approval(model: Model) -> datetime | None:
    """When a version of the model was last approved; None if none was."""
    approvals = SignOffSummary.objects.filter(sign_off__version__model=model, result="PASSED")
    last: datetime | None = approvals.aggregate(at=Max("made_at"))["at"]
    return last


def _text(state: Facts) -> str:
    return json.dumps(state, sort_keys=True, ensure_ascii=False)
