"""gunicorn's settings; `appliance.embedded.launcher` adds the address.

Everything is imported before the workers are forked: once instead of twice. Nothing that
starts threads (a chart renderer, a database pool) may therefore run while it is imported.
"""

from importlib import import_module
from typing import Any

from appliance.embedded.process import die_with_parent

wsgi_app = "appliance.wsgi"
worker_class = "gthread"
workers = 2
threads = 4
timeout = 60
graceful_timeout = 10
control_socket_disable = True
preload_app = True


def when_ready(server: Any) -> None:
    """Django would otherwise import the site's pages at the first request."""
    import_module("appliance.urls")


def post_fork(server: Any, worker: Any) -> None:
    """A master that is killed must leave no worker behind that holds the port."""
    die_with_parent(server.pid)
