"""The dossier of a version, for archives and pipelines."""

from django.http import HttpRequest, HttpResponse
from ninja import Router

from appliance.dossier import KINDS, written
from governance import registry

from .credentials import Bearer

router = Router(tags=["Registry"], auth=Bearer("read", "inventory"))


@router.get("/versions/{model}/{version}/dossier.pdf")
def get_dossier_pdf(request: HttpRequest, model: str, version: str) -> HttpResponse:
    """The dossier as a signed PDF/A-3 with the JSON inside."""
    return _file(model, version, "pdf")


@router.get("/versions/{model}/{version}/dossier.json")
def get_dossier_json(request: HttpRequest, model: str, version: str) -> HttpResponse:
    """The dossier as JSON: the same records give the same bytes."""
    return _file(model, version, "json")


def _file(model: str, version: str, form: str) -> HttpResponse:
    found = registry.find_version(model, version)
    return HttpResponse(written(found, form), content_type=KINDS[form])
