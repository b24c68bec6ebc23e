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
from .registry import Model, Version
from .senders import OneTimeToken, Sender, Token

__all__ = [
    "Account",
    "BusinessUnit",
    "Checkpoint",
    "Content",
    "Entry",
    "Exemption",
    "Incident",
    "IncidentStep",
    "Leaf",
    "Loss",
    "Membership",
    "Model",
    "OneTimeToken",
    "Pending",
    "PolicyVersion",
    "PrivacyRule",
    "Replay",
    "ReplayedModel",
    "Sender",
    "TileHash",
    "Token",
    "Version",
]
