"""Convert a profile where its tool is installed: to_baseline.py PROFILE {"role": ...} KEY.

Prints the baseline statement, or the refusal.
"""

import json
import sys
from pathlib import Path

from countersign.convert.reading import read
from countersign.convert.statements import baseline_of
from countersign.recipe import Recipe
from countersign.statement import Refused

profile, roles, key = sys.argv[1:]
recipe = Recipe(
    model="loans", version="1", digest="d" * 64, key=key.encode(), roles=json.loads(roles)
)
try:
    print(baseline_of(read(Path(profile).read_bytes()), recipe).payload.decode())
except Refused as refusal:
    print(refusal)
