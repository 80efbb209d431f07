from django.urls import include, path

urlpatterns = [path("log/", include("packwitness.hub.notary.urls"))]
