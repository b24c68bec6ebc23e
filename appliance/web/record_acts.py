"""What people may do on a model's record: for each act, who may, what they write, and the verb."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from django.utils import timezone

from governance import deployments, registry, reviews
from governance.models import Model, Requirement

from . import record_forms as forms

Told = Mapping[str, Any]
Verb = Callable[[User, Model, int, Told], object]


@dataclass(frozen=True)
class Act:
    """One act. `place` is its address below the record's; `section` where it leads back to.

    `label` opens the form, `button` sends it, `note` says what it means.
    """

    name: str
    place: str
    action: str
    section: str
    form: type[forms.Form]
    verb: Verb
    label: str
    button: str
    note: str = ""

    @property
    def slot(self) -> str:
        """What the template calls its form; empty for one that belongs to a row of a table."""
        return "" if "number" in self.place else self.name.replace("-", "_")


def _actor(person: User) -> str:
    return f"user:{person.pk}"


def _describe(person: User, model: Model, _: int, told: Told) -> None:
    depends = {"models", "sources"} & set(told)
    registry.describe_model(
        model,
        {name: value for name, value in told.items() if name not in depends},
        told.get("models"),
        told.get("sources"),
        actor=_actor(person),
    )


def _register(person: User, model: Model, _: int, told: Told) -> None:
    facts = dict(told)
    version, digest = facts.pop("version"), facts.pop("digest")
    registry.register_version(model.name, version, digest, actor=_actor(person), **facts)


def _start(person: User, model: Model, _: int, told: Told) -> None:
    deployments.start_deployment(
        told["version"],
        told["environment"],
        name=told["name"],
        since=told["since"] or timezone.now(),
        actor=_actor(person),
    )


def _end(person: User, model: Model, number: int, told: Told) -> None:
    running = get_object_or_404(model.deployments, pk=number)
    deployments.end_deployment(
        model,
        running.environment,
        name=running.name,
        until=told["until"] or timezone.now(),
        actor=_actor(person),
    )


def _find(person: User, model: Model, _: int, told: Told) -> None:
    reviews.raise_finding(model, **told, actor=_actor(person))


def _close(person: User, model: Model, number: int, told: Told) -> None:
    finding = get_object_or_404(model.findings.select_related("model"), pk=number)
    reviews.close_finding(finding, **told, person=person)


def _ask(person: User, model: Model, _: int, told: Told) -> None:
    reviews.request_exception(model, **told, person=person)


def _decide(person: User, model: Model, number: int, told: Told) -> None:
    asked = get_object_or_404(model.exceptions.select_related("model"), pk=number)
    reviews.decide_exception(asked, approve=told["approve"], person=person)


def _end_exception(person: User, model: Model, number: int, _: Told) -> None:
    asked = get_object_or_404(model.exceptions.select_related("model"), pk=number)
    reviews.end_exception(asked, actor=_actor(person))


def _aim(person: User, model: Model, _: int, told: Told) -> None:
    reviews.set_objective(model, told["text"], actor=_actor(person))


def _require(person: User, model: Model, number: int, told: Told) -> None:
    objective = get_object_or_404(model.objectives.filter(retired_at=None), pk=number)
    reviews.require(objective, **told, actor=_actor(person))


def _retire_objective(person: User, model: Model, number: int, _: Told) -> None:
    reviews.retire(get_object_or_404(model.objectives, pk=number), actor=_actor(person))


def _retire_requirement(person: User, model: Model, number: int, _: Told) -> None:
    rows = Requirement.objects.filter(objective__model=model).select_related("objective__model")
    reviews.retire(get_object_or_404(rows, pk=number), actor=_actor(person))


ACTS = (
    Act(
        "describe-model",
        "describe/",
        "model.edit",
        "inventory",
        forms.Description,
        _describe,
        "Change the inventory",
        "Save",
        "What stood there before is kept, with your name.",
    ),
    Act(
        "register-version",
        "versions/",
        "version.register",
        "versions",
        forms.NewVersion,
        _register,
        "Register a version",
        "Register",
    ),
    Act(
        "start-deployment",
        "deployments/",
        "deployment.record",
        "deployments",
        forms.NewDeployment,
        _start,
        "Record a deployment",
        "Record",
        "It takes the place of what runs there. Nothing is deployed from here.",
    ),
    Act(
        "end-deployment",
        "deployments/<int:number>/end/",
        "deployment.record",
        "deployments",
        forms.EndedDeployment,
        _end,
        "Record its end",
        "Record the end",
    ),
    Act(
        "raise-finding",
        "findings/",
        "finding.write",
        "findings",
        forms.NewFinding,
        _find,
        "Raise a finding",
        "Raise it",
    ),
    Act(
        "close-finding",
        "findings/<int:number>/close/",
        "finding.close",
        "findings",
        forms.Evidence,
        _close,
        "Close it",
        "Close the finding",
        "Neither its owner nor the model’s may close it.",
    ),
    Act(
        "request-exception",
        "exceptions/",
        "exception.request",
        "exceptions",
        forms.NewException,
        _ask,
        "Ask for an exception",
        "Ask for it",
        "It holds once somebody else has agreed, and ends by itself.",
    ),
    Act(
        "decide-exception",
        "exceptions/<int:number>/decide/",
        "exception.approve",
        "exceptions",
        forms.Decision,
        _decide,
        "Decide",
        "Decide",
    ),
    Act(
        "end-exception",
        "exceptions/<int:number>/end/",
        "exception.request",
        "exceptions",
        forms.Sure,
        _end_exception,
        "End it",
        "End the exception now",
    ),
    Act(
        "set-objective",
        "objectives/",
        "objective.write",
        "objectives",
        forms.NewObjective,
        _aim,
        "Set an objective",
        "Set it",
    ),
    Act(
        "set-requirement",
        "objectives/<int:number>/requirements/",
        "objective.write",
        "objectives",
        forms.NewRequirement,
        _require,
        "Add a requirement",
        "Add it",
    ),
    Act(
        "retire-objective",
        "objectives/<int:number>/retire/",
        "objective.write",
        "objectives",
        forms.Sure,
        _retire_objective,
        "Retire it",
        "Retire the objective",
        "It is no longer asked for. What was asked stays readable in the changes.",
    ),
    Act(
        "retire-requirement",
        "requirements/<int:number>/retire/",
        "objective.write",
        "objectives",
        forms.Sure,
        _retire_requirement,
        "Retire it",
        "Retire the requirement",
        "It is no longer asked for. What was asked stays readable in the changes.",
    ),
)
