from django.urls import path

from packwitness.hub.bundles import views

app_name = "bundles"
urlpatterns = [
    path("takes/<str:take>/bundle.zip", views.bundle, name="bundle"),
    path("takes/<str:take>/export/<str:camera>.mp4", views.export, name="export"),
]
