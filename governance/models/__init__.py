"""Every table of governance. History is never cascaded away: foreign keys protect."""

from .access import Membership
from .audit import Checkpoint, Content, Entry, Leaf, Pending, TileHash
from .incidents import Incident, IncidentStep
from .ledger import Account, Loss
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
from .senders import OneTimeToken, Sender, Token
from .signoff import ApproverKey, SignOff, SignOffDecision, SignOffSummary

__all__ = [
    "Account",
    "ApproverKey",
    "BusinessUnit",
    "Change",
    "Checkpoint",
    "Content",
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
    "Pending",
    "PolicyVersion",
    "PrivacyRule",
    "Replay",
    "ReplayedModel",
    "Requirement",
    "ReviewFinding",
    "Sender",
    "SignOff",
    "SignOffDecision",
    "SignOffSummary",
    "TileHash",
    "Token",
    "Version",
]
