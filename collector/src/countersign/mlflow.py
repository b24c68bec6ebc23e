"""Take models and versions over from an MLflow registry, by its REST API 2.0; it is only read.

Digests are made here, so an artefact must lie on this host: under a path or `file:` address, or,
where MLflow serves artefacts itself (`mlflow-artifacts:`), in the directory that it keeps them in.
What is told of a version: its digests, run, the run's code commit, who made it, and its aliases and
stage as labels. Tags, parameters and metrics stay where they are.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from .artefact import digests_of
from .home import Home
from .rest import Unreachable, request
from .statement import Refused

PAGE = 100
COMMIT = "mlflow.source.git.commit"
IS_COMMIT = re.compile(r"[0-9a-f]{7,64}")
NOT_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass
class Imported:
    """What became of the registry: versions told, and why the others were not."""

    told: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def import_registry(home: Home, uri: str, artefacts: Path | None = None) -> Imported:
    """Register every model and version whose artefact is here. May be repeated.

    Raises `Unreachable`, and `Refused` (`mlflow.answer`, `mlflow.names`).
    """
    uri, done = uri.rstrip("/"), Imported()
    models = list(_pages(uri, "registered-models/search", "registered_models"))
    names = {str(model["name"]): name_of(str(model["name"])) for model in models}
    if len(set(names.values())) < len(names):
        raise Refused("mlflow.names", "Two models would have the same name here; rename one.")
    for model in models:
        name = names[model["name"]]
        _register_model(home, name, str(model.get("description", "")))
        aliases = model.get("aliases", [])
        search = {"filter": "name='{}'".format(str(model["name"]).replace("'", "\\'"))}
        for version in _pages(uri, "model-versions/search", "model_versions", **search):
            called = f"{name}/{version['version']}"
            try:
                facts = _facts(uri, version, aliases, artefacts)
                home.post(f"/api/v1/models/{name}/versions", facts)
            except Refused as refusal:
                done.left.append(f"{called}: {refusal}")
            else:
                done.told.append(called)
    return done


def name_of(name: str) -> str:
    """A name as statements can carry it.

    >>> name_of("Loan scores (EU)"), name_of("loans.v2")
    ('Loan-scores-EU', 'loans.v2')
    """
    return NOT_A_NAME.sub("-", name).strip("-._")[:64] or "model"


def _register_model(home: Home, name: str, description: str) -> None:
    """With its description as purpose, unless people here have said another."""
    purpose = CONTROL.sub(" ", description).strip()[:500]
    try:
        home.post("/api/v1/models", {"name": name, "purpose": purpose})
    except Refused as refusal:
        if refusal.rule != "model.conflict":
            raise


def _facts(
    uri: str, version: dict[str, Any], aliases: list[dict[str, Any]], artefacts: Path | None
) -> dict[str, Any]:
    number = str(version["version"])
    asked = {"name": version["name"], "version": number}
    source = _get(uri, "model-versions/get-download-uri", **asked)["artifact_uri"]
    digests = digests_of(_place(str(source), artefacts))
    run = str(version.get("run_id", ""))
    tags = _tags(uri, run) if run else {}
    stage = str(version.get("current_stage", ""))
    labels = [str(a["alias"]) for a in aliases if str(a["version"]) == number]
    labels += [stage] if stage not in ("", "None") else []
    made_by = tags.get("mlflow.user") or str(version.get("user_id", ""))
    commit = tags.get(COMMIT, "")
    told = {
        "version": number,
        "digest": digests.digest,
        "manifest_digest": digests.manifest,
        "run": run,
        "code_commit": commit if IS_COMMIT.fullmatch(commit) else "",
    }
    more = {"developers": [made_by] if made_by else [], "labels": [name_of(x) for x in labels]}
    return {name: value for name, value in told.items() if value} | more


def _place(source: str, artefacts: Path | None) -> Path:
    """Where the artefact lies on this host. Raises `Refused` (`mlflow.elsewhere`)."""
    parts = urlsplit(source)
    if parts.scheme == "mlflow-artifacts" and artefacts is not None:
        place = (artefacts / unquote(parts.path).lstrip("/")).resolve()
        if place.is_relative_to(artefacts.resolve()):
            return place
    elif parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    elif not parts.scheme:
        return Path(source)
    raise Refused("mlflow.elsewhere", "The artefact is not on this host; see --artefacts.")


def _tags(uri: str, run: str) -> dict[str, str]:
    told = _get(uri, "runs/get", run_id=run)["run"]["data"].get("tags", [])
    return {str(tag["key"]): str(tag["value"]) for tag in told}


def _pages(uri: str, address: str, found: str, **asked: str) -> Iterator[dict[str, Any]]:
    """Everything that a search finds, page by page."""
    token = ""
    while True:
        page = _get(uri, address, max_results=str(PAGE), page_token=token, **asked)
        yield from page.get(found, [])
        token = str(page.get("next_page_token", ""))
        if not token:
            return


def _get(uri: str, address: str, **asked: str) -> dict[str, Any]:
    query = urlencode({name: value for name, value in asked.items() if value}, quote_via=quote)
    answer = request("GET", f"{uri}/api/2.0/mlflow/{address}?{query}", None, {})
    if answer.status >= 500:
        raise Unreachable(f"MLflow answered with status {answer.status}; try again.")
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = None
    if not answer.ok or not isinstance(told, dict):
        raise Refused("mlflow.answer", f"MLflow did not answer as its API does: {answer.status}.")
    return told
