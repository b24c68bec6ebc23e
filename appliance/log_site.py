"""The public, read-only log under /log/, as C2SP tlog-tiles: any client of that format can read it.

Everything but the checkpoint never changes, so it may be cached for ever.
"""

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from governance.audit import files, log

FOR_EVER = "public, max-age=31536000, immutable"
FOR_NOW = "public, max-age=60"


@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest signed promise."""
    return _answer("checkpoint", "text/plain; charset=utf-8", "no-cache")


@require_safe
def tile(request: HttpRequest, number: str) -> HttpResponse:
    """Hashes or entries. A partial tile gives way to the full one, so it is kept for less long."""
    keep = FOR_NOW if ".p/" in number else FOR_EVER
    return _answer(f"tile/{number}", "application/octet-stream", keep)


def _answer(name: str, content_type: str, keep: str) -> HttpResponse:
    published = log.published_checkpoint()
    if published is None:
        raise Http404("nothing is published yet")
    try:
        content = files.read(name, published)
    except FileNotFoundError:
        raise Http404("the log has no such file") from None
    return HttpResponse(content, content_type=content_type, headers={"Cache-Control": keep})


app_name = "log"
urlpatterns = [
    path("checkpoint", checkpoint, name="checkpoint"),
    path("tile/<path:number>", tile, name="tile"),
]
