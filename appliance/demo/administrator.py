"""What an administrator at this machine hands out, printed as JSON for the demo to read.

`token` enrols one collector. `link` makes the first administrator; null when there is one. Run as
`python -m appliance.demo.administrator URL`: a process of its own, so that the customer's part of
the demo never touches the database.
"""

import json
import os
import sys

import django

from appliance.embedded import environment


def hand_out(url: str) -> dict[str, str | None]:
    """A one-time token and a set-up link; both work once, for a day."""
    # Only now: models can't be imported before Django knows its settings.
    from appliance.web.accounts import issue_setup_link  # noqa: PLC0415
    from governance.models import OneTimeToken  # noqa: PLC0415
    from governance.senders import issue_one_time_token  # noqa: PLC0415

    token = issue_one_time_token(OneTimeToken.Purpose.ENROL, actor="countersign")
    return {"token": token, "link": issue_setup_link(url)}


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
    environment.complete([])
    django.setup()
    print(json.dumps(hand_out(sys.argv[1])))  # noqa: T201
