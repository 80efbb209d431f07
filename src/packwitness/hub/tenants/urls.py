from django.urls import URLPattern, URLResolver, path

from packwitness.hub.tenants import views

app_name = "tenants"
urlpatterns: list[URLPattern | URLResolver] = [
    path("organisation/choose", views.choose_organisation, name="choose_organisation"),
]
