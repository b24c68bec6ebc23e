"""What an administrator at this machine hands out, printed as JSON for the demo to read.

`token` enrols one collector. `link` makes the first administrator; null when there is one.
`password` is that of the demo's people, who are made the first time; null later on. Run as
`python -m appliance.demo.administrator URL`: a process of its own, so that the customer's part of
the demo never touches the database.
"""

import json
import os
import secrets
import sys

import django

from appliance.demo.people import PEOPLE
from appliance.embedded import environment

# Only in functions: models can't be imported before Django knows its settings.
# ruff: noqa: PLC0415


def hand_out(url: str) -> dict[str, str | None]:
    """A one-time token and a set-up link, which work once, for a day; the people's password."""
    from appliance.web.accounts import issue_setup_link
    from governance.models import OneTimeToken
    from governance.senders import issue_one_time_token

    token = issue_one_time_token(OneTimeToken.Purpose.ENROL, actor="countersign")
    return {"token": token, "link": issue_setup_link(url), "password": make_people()}


def make_people() -> str | None:
    """Make the demo's people, with one password that is told here only; None if there is one."""
    from django.contrib.auth.models import User
    from django.db import transaction

    from governance.audit import entries
    from governance.models import Membership

    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        if User.objects.filter(username__in=PEOPLE).exists():
            return None
        for name, roles in PEOPLE.items():
            person = User.objects.create_user(name, password=password)
            whom = f"user:{person.pk}"
            entries.record(
                "person.invited", actor="countersign", content={"name": name}, person=whom
            )
            for role in roles:
                Membership.objects.create(user=person, role=role)
                entries.record("role.granted", actor="countersign", person=whom, role=role)
    return password


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
    environment.complete([])
    django.setup()
    print(json.dumps(hand_out(sys.argv[1])))  # noqa: T201
