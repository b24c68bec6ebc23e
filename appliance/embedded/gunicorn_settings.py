"""gunicorn's settings; `appliance.embedded.launcher` adds the address.

One of the four hooks of its life cycle is ours: a worker dies with its master, so that a
master that is killed leaves no worker holding the port.
"""

from typing import Any

from appliance.embedded.process import die_with_parent

wsgi_app = "appliance.wsgi"
worker_class = "gthread"
workers = 2
threads = 4
timeout = 60
graceful_timeout = 10
control_socket_disable = True


def post_fork(server: Any, worker: Any) -> None:
    die_with_parent(server.pid)
