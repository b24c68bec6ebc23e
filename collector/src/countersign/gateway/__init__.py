"""The gateway: sums the exact counts of many replicas beside the model, and tells them once.

It runs inside the trust line, on loopback or a network that the operator names. What it takes:

    GET  /health                                        whether it runs; needs no token
    GET  /v1/<model>/<version>/<deployment>/plan        the plan that counts are taken under
    POST /v1/<model>/<version>/<deployment>/counts      a replica's counts, see `exchange`
    POST /v1/<model>/<version>/<deployment>/events      KServe's and Seldon's events, see `events`

Everybody shares one token, sent as `Authorization: Bearer` or as the password of `Basic`, which
clients make of `http://replica:TOKEN@host/`. Answers are 200 (counted, and on disk), 202 (one half
of an inference waits in memory for the other) or a problem document, whose `type` is a rule.

    <home>/gateway.token                                the token, mode 600
    <home>/gateway/<model>/<version>/<deployment>/      see `windows`
"""
