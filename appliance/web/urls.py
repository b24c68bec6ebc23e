"""The pages' addresses."""

from django.urls import path

from . import (
    accounts,
    dossier,
    handling,
    incident,
    incidents,
    log,
    model,
    models,
    overview,
    privacy,
    record,
    refusals,
    senders,
    silences,
    why,
)

urlpatterns = [
    path("", overview.show, name="overview"),
    path("models/", models.show, name="models"),
    path("inventory/", models.register, name="register-model"),
    path("models/<str:model>/", model.show_model, name="model"),
    path("models/<str:model>/<str:version>/", model.show_version, name="version"),
    path("models/<str:model>/<str:version>/windows/", model.show_windows, name="windows"),
    path("incidents/", incidents.show, name="incidents"),
    path("incidents/<int:number>/", incident.show, name="incident"),
    *record.URLS,
    *(
        path(
            f"models/<str:model>/<str:version>/dossier.{form}",
            dossier.show,
            {"form": form},
            name=f"dossier-{form}",
        )
        for form in ("pdf", "json")
    ),
    path("incidents/<int:number>/acknowledge/", handling.acknowledge, name="acknowledge"),
    path("incidents/<int:number>/assign/", handling.assign, name="assign"),
    path("incidents/<int:number>/snooze/", handling.snooze, name="snooze"),
    path("incidents/<int:number>/comment/", handling.comment, name="comment"),
    path("incidents/<int:number>/resolve/", handling.resolve, name="resolve"),
    path("silences/", silences.show, name="silences"),
    path("silences/make/", silences.make, name="make-silence"),
    path("silences/<int:number>/lift/", silences.lift, name="lift-silence"),
    path("why/", why.show, name="why"),
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
