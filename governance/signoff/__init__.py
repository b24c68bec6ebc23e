"""Sign-offs: people say, with keys that only they hold, that a version may run.

`terms` says how many signatures a tier needs; `keys` enrols approvers' keys; `requests` freezes
what is asked for; `decisions` takes signed decisions in; `summaries` signs what came of it, and
makes the bundle that a pipeline checks offline; `conditions` ends what no longer holds.
"""
