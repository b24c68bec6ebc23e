"""The demo's people and their roles."""

PEOPLE = {
    "ada": ["developer"],
    "ben": ["operator", "owner"],
    "vera": ["validator"],
    "paul": ["approver"],
    "dan": ["policy_administrator"],
    "cleo": ["auditor"],
}
