"""The pages' addresses."""

from django.urls import path

from . import (
    account_urls,
    accounts,
    incident,
    log,
    model,
    models,
    overview,
    privacy,
    refusals,
    senders,
)

urlpatterns = [
    path("", overview.show, name="overview"),
    path("models/", models.show, name="models"),
    path("models/<str:model>/", model.show_model, name="model"),
    path("models/<str:model>/<str:version>/", model.show_version, name="version"),
    path("models/<str:model>/<str:version>/windows/", model.show_windows, name="windows"),
    path("incidents/<int:number>/", incident.show, name="incident"),
    path("incidents/<int:number>/acknowledge/", incident.acknowledge, name="acknowledge"),
    path("incidents/<int:number>/resolve/", incident.resolve, name="resolve"),
    path("privacy/", privacy.show, name="privacy"),
    path("privacy/models/<str:model>/", privacy.show_model, name="model-privacy"),
    path("privacy/models/<str:model>/place/", privacy.place_model, name="place-model"),
    path("refusals/", refusals.show, name="refusals"),
    path("audit/", log.show, name="audit"),
    path("audit/verify/", log.verify, name="verify"),
    path("senders/", senders.show, name="senders"),
    path("senders/token/", senders.make_token, name="make-token"),
    path("senders/keys/<int:number>/revoke/", senders.revoke_key, name="revoke-key"),
    path("senders/tokens/<int:number>/revoke/", senders.revoke_token, name="revoke-token"),
    path("set-up/<str:secret>/", accounts.set_up, name="set-up"),
    *account_urls.urlpatterns,
]
