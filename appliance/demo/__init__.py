"""The demo: a customer's host that enrols, uploads a baseline, replays history, labels last."""
