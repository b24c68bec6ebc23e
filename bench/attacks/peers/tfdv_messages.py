"""Write statistics with the message classes that TFDV itself uses, for when it is not installed.

    tfdv_messages.py ROWS.csv OUT BUCKETS

Exact histograms of BUCKETS buckets, and all texts: what TFDV computes of few rows.
"""

import csv
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2 as messages

source, target, buckets = sys.argv[1], sys.argv[2], int(sys.argv[3])
with Path(source).open(newline="") as file:
    rows = list(csv.DictReader(file))
found = messages.DatasetFeatureStatisticsList()
dataset = found.datasets.add(num_examples=len(rows))
for name in rows[0]:
    texts = [row[name] for row in rows if row[name]]
    try:
        numbers = np.array([float(text) for text in texts])
    except ValueError:
        kind = messages.FeatureNameStatistics.STRING
        feature = dataset.features.add(name=name, type=kind)
        statistics = feature.string_stats
        counts = Counter(texts).most_common(1_000)
        statistics.unique = len(set(texts))
        for rank, (text, count) in enumerate(counts):
            statistics.top_values.add(value=text, frequency=count)
            statistics.rank_histogram.buckets.add(
                low_rank=rank, high_rank=rank, label=text, sample_count=count
            )
    else:
        whole = all(text.isdigit() for text in texts)
        kind = messages.FeatureNameStatistics.INT if whole else messages.FeatureNameStatistics.FLOAT
        feature = dataset.features.add(name=name, type=kind)
        statistics = feature.num_stats
        statistics.min, statistics.max = numbers.min(), numbers.max()
        statistics.num_zeros = int((numbers == 0).sum())
        even = np.histogram_bin_edges(numbers, 10)
        ranked = np.quantile(numbers, np.linspace(0, 1, buckets + 1))
        for name_of_kind, edges in (("STANDARD", even), ("QUANTILES", ranked)):
            histogram = statistics.histograms.add(type=name_of_kind)
            counts = np.histogram(numbers, np.unique(edges))[0]
            ends = np.unique(edges)
            for low, high, count in zip(ends, ends[1:], counts, strict=False):
                histogram.buckets.add(low_value=low, high_value=high, sample_count=count)
    common = statistics.common_stats
    common.num_non_missing, common.num_missing = len(texts), len(rows) - len(texts)
    common.min_num_values = common.max_num_values = 1
Path(target).write_bytes(found.SerializeToString())
