"""A data directory per test, quick passwords, and the cast."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from .cast import Cast, make_cast


@pytest.fixture(autouse=True)
def data_directory(settings: LazySettings, tmp_path: Path) -> Path:
    """Keys and the log's mark end with the test."""
    settings.COUNTERSIGN_DATA = tmp_path
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return tmp_path


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody, and version 1 of `loans`, tier 1: two must sign."""
    return make_cast()
