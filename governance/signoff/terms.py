"""How many must approve, and what each of them confirms before signing."""

from governance.models import Model
from governance.policies import Policy

SIGNATURES = {1: 2, 2: 2, 3: 1, None: 2}  # by tier, where no policy says how many
CHECKLIST = {
    "purpose": "The purpose and its limits are stated, and this version fits them.",
    "evidence": "I have read the frozen evidence: performance, fairness, drift, open incidents.",
    "monitoring": "The monitors and the conditions suffice to notice when it fails.",
    "independence": "I neither developed nor submitted this version.",
}


def quorum_of(model: Model, policy: Policy) -> int:
    """How many people must approve a version of the model."""
    return policy.signatures or SIGNATURES[model.tier]
