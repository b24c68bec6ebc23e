"""Every table of governance. History is never cascaded away: foreign keys protect."""

from .access import Membership
from .audit import Checkpoint, Content, Cosignature, Entry, Leaf, Pending, TileHash, Witness
from .incidents import Incident, IncidentStep, Sighting, Silence
from .ledger import Account, Loss
from .notify import Attempt, Delivery, Route
from .policies import (
    BusinessUnit,
    Exemption,
    PolicyVersion,
    PrivacyRule,
    Replay,
    ReplayedModel,
)
from .registry import Change, Dependency, Deployment, Developer, Model, Version
from .reviews import ModelException, Objective, Requirement, ReviewFinding
from .senders import OneTimeToken, Pace, Sender, Token
from .signoff import ApproverKey, SignOff, SignOffDecision, SignOffSummary

__all__ = [
    "Account",
    "ApproverKey",
    "Attempt",
    "BusinessUnit",
    "Change",
    "Checkpoint",
    "Content",
    "Cosignature",
    "Delivery",
    "Dependency",
    "Deployment",
    "Developer",
    "Entry",
    "Exemption",
    "Incident",
    "IncidentStep",
    "Leaf",
    "Loss",
    "Membership",
    "Model",
    "ModelException",
    "Objective",
    "OneTimeToken",
    "Pace",
    "Pending",
    "PolicyVersion",
    "PrivacyRule",
    "Replay",
    "ReplayedModel",
    "Requirement",
    "ReviewFinding",
    "Route",
    "Sender",
    "Sighting",
    "SignOff",
    "SignOffDecision",
    "SignOffSummary",
    "Silence",
    "TileHash",
    "Token",
    "Version",
    "Witness",
]
