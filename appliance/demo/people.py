"""The demo's people and their roles."""

PEOPLE = {
    "ada": ["developer"],
    "ben": ["owner", "operator"],
    "vera": ["validator"],
    "paul": ["approver"],
    "dan": ["policy_administrator"],
    "cleo": ["auditor"],
}
# What each of them did, or may do.
ERRANDS = {
    "ada": "asked for the sign-off",
    "ben": "owns the model and handles its incidents",
    "vera": "may sign; asked for a second factor first",
    "paul": "may sign; asked for a second factor first",
    "dan": "sets policies; asked for a second factor first",
    "cleo": "reads everything, the log too",
}
