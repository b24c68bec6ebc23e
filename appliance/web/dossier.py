"""The dossier of a version, to take away: the signed PDF, or the JSON that is inside it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from appliance.dossier import KINDS, written

from .doors import find_model, open_to


@require_safe
@open_to("model.see")
def show(request: HttpRequest, model: str, version: str, form: str) -> HttpResponse:
    """The dossier as a file."""
    versions = find_model(request, model).versions.select_related("model")
    found = get_object_or_404(versions, name=version)
    name = f"dossier-{found.model.name}-{found.name}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(written(found, form), content_type=KINDS[form], headers=headers)
