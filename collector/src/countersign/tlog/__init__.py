"""Transparency logs in the formats of C2SP: for whoever keeps, witnesses or verifies one.

`tree` hashes and proves, `note` signs, `tiles` is the log as files, `verify` checks such files.
They know neither the appliance nor the network, and compute nothing of a model.
"""
