"""Every table of governance. History is never cascaded away: foreign keys protect."""

from .access import Membership
from .audit import Checkpoint, Content, Entry, Leaf, Pending, TileHash
from .incidents import Incident, IncidentStep, Sighting, Silence
from .ledger import Account, Loss
from .policies import PrivacyRule
from .registry import Model, Version
from .senders import OneTimeToken, Sender, Token

__all__ = [
    "Account",
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
    "Sighting",
    "Silence",
    "TileHash",
    "Token",
    "Version",
]
