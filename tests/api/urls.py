from django.urls import path

from appliance.api import api

urlpatterns = [path("api/v1/", api.urls)]
