"""Write a CSV file's statistics as TFDV does: tfdv_statistics.py ROWS.csv OUT [BUCKETS]."""

import sys
from pathlib import Path

import pandas as pd
import tensorflow_data_validation as tfdv

buckets = {"num_quantiles_histogram_buckets": int(sys.argv[3])} if sys.argv[3:] else {}
options = tfdv.StatsOptions(**buckets)
statistics = tfdv.generate_statistics_from_dataframe(pd.read_csv(sys.argv[1]), options, n_jobs=1)
Path(sys.argv[2]).write_bytes(statistics.SerializeToString())
