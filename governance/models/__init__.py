"""Every table of governance. History is never cascaded away: foreign keys protect."""

from .access import Membership
from .audit import Checkpoint, Content, Entry, Leaf, Pending, TileHash
from .incidents import Incident, IncidentStep
from .ledger import Account, Loss
from .policies import PrivacyRule
from .registry import Model, Version
from .senders import OneTimeToken, Sender, Token
from .signoff import (
    ApproverKey,
    SignOff,
    SignOffDecision,
    SignOffSummary,
    SignOffTerms,
    VersionDeveloper,
)

__all__ = [
    "Account",
    "ApproverKey",
    "Checkpoint",
    "Content",
    "Entry",
    "Incident",
    "IncidentStep",
    "Leaf",
    "Loss",
    "Membership",
    "Model",
    "OneTimeToken",
    "Pending",
    "PrivacyRule",
    "Sender",
    "SignOff",
    "SignOffDecision",
    "SignOffSummary",
    "SignOffTerms",
    "TileHash",
    "Token",
    "Version",
    "VersionDeveloper",
]
