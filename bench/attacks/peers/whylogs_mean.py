"""Print the mean of a column in a profile: whylogs_mean.py PROFILE COLUMN."""

import sys
from pathlib import Path

from whylogs.core import DatasetProfileView

view = DatasetProfileView.deserialize(Path(sys.argv[1]).read_bytes())
print(repr(view.get_column(sys.argv[2]).get_metric("distribution").avg))
