"""Write the profile of a CSV file's rows as whylogs does: whylogs_profile.py ROWS.csv PROFILE."""

import sys
from pathlib import Path

import pandas as pd
import whylogs

view = whylogs.log(pd.read_csv(sys.argv[1])).view()
Path(sys.argv[2]).write_bytes(view.serialize())
