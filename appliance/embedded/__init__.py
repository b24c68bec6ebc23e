"""PostgreSQL, secrets and the process tree of an appliance that runs on one machine."""
