#!/usr/bin/env python3
"""Django's command line, told first where this installation keeps its database and secrets."""

import os
import sys

from django.core.management import execute_from_command_line

from appliance.embedded import environment

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
    environment.complete(sys.argv[1:])
    execute_from_command_line(sys.argv)
