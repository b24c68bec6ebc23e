"""The REST API under /api/v1/: one file per resource. See docs/formats/api.md."""

from .site import api

__all__ = ["api"]
