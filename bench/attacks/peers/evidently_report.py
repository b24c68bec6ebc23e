"""Write a report on a CSV file's rows as Evidently does: evidently_report.py ROWS.csv REPORT."""

import sys

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset, DataSummaryPreset

rows = pd.read_csv(sys.argv[1])
report = Report([DataSummaryPreset(), DataDriftPreset()]).run(rows, rows.iloc[::2])
report.save_json(sys.argv[2])
