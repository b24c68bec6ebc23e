"""The site's addresses: pages, the REST API, the public log."""

from django.urls import include, path

from appliance.api import api

urlpatterns = [
    path("api/v1/", api.urls),
    path("log/", include("appliance.log_site")),
    path("", include("appliance.web.urls")),
]
