from django.apps import AppConfig


class ApplianceConfig(AppConfig):
    name = "appliance"
    verbose_name = "Appliance"

    def ready(self) -> None:
        from appliance.celery import app  # noqa: F401, PLC0415  (tasks need a configured app)
