"""The pages' addresses."""

from django.urls import path

from . import (
    accounts,
    incident,
    log,
    model,
    models,
    overview,
    privacy,
    refusals,
    senders,
    sign_offs,
    signing,
)

urlpatterns = [
    path("", overview.show, name="overview"),
    path("models/", models.show, name="models"),
    path("models/<str:model>/", model.show_model, name="model"),
    path("models/<str:model>/<str:version>/", model.show_version, name="version"),
    path("models/<str:model>/<str:version>/windows/", model.show_windows, name="windows"),
    path("models/<str:model>/<str:version>/sign-off/", sign_offs.ask, name="ask-sign-off"),
    path("sign-offs/", sign_offs.show, name="sign-offs"),
    path("sign-offs/keys/", signing.show_keys, name="signing-keys"),
    path("sign-offs/keys/<int:number>/revoke/", signing.revoke_key, name="revoke-signing-key"),
    path("sign-offs/<str:identity>/", sign_offs.show_one, name="sign-off"),
    path("sign-offs/<str:identity>/file/", sign_offs.download, name="sign-off-file"),
    path("sign-offs/<str:identity>/sign/", signing.sign, name="sign"),
    path("sign-offs/<str:identity>/withdraw/", sign_offs.withdraw, name="withdraw-sign-off"),
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
    path("log-in/", accounts.log_in, name="log-in"),
    path("log-out/", accounts.log_out, name="log-out"),
    path("set-up/<str:secret>/", accounts.set_up, name="set-up"),
]
