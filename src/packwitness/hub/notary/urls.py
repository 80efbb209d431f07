from django.urls import path

from packwitness.hub.notary import views

app_name = "notary"
urlpatterns = [
    path("checkpoint", views.checkpoint, name="checkpoint"),
    path("proof/<slug:manifest>.json", views.proof, name="proof"),
    path("consistency/<int:old>-<int:size>.json", views.consistency, name="consistency"),
]
