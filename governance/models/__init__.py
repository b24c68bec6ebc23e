"""Every table of governance. History is never cascaded away: foreign keys protect."""

from .access import Membership
from .audit import Checkpoint, Content, Cosignature, Entry, Leaf, Pending, TileHash, Witness
from .incidents import Incident, IncidentStep
from .ledger import Account, Loss
from .policies import PrivacyRule
from .registry import Model, Version
from .senders import OneTimeToken, Sender, Token

__all__ = [
    "Account",
    "Checkpoint",
    "Content",
    "Cosignature",
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
    "TileHash",
    "Token",
    "Version",
    "Witness",
]
