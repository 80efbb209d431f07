from django.urls import path

from packwitness.hub.watch import views

app_name = "watch"
urlpatterns = [
    path("<str:token>", views.watch, name="page"),
    path("<str:token>/state/<str:take>.json", views.state, name="state"),
    path("<str:token>/film/<str:take>/<str:camera>.mp4", views.film, name="film"),
    path("<str:token>/copy/<str:take>/<str:camera>.mp4", views.copy, name="copy"),
    path("<str:token>/copy/<str:take>/<str:camera>/state.json", views.copy_state, name="copy_state"),
    path("<str:token>/copy/<str:take>/<str:camera>.json", views.copy_record, name="copy_record"),
    path("<str:token>/live/<str:take>/<str:camera>.m3u8", views.playlist, name="playlist"),
    path("<str:token>/live/<str:take>/<str:camera>/init-<int:number>.mp4", views.init, name="init"),
    path(
        "<str:token>/live/<str:take>/<str:camera>/<int:first>-<int:last>.m4s", views.segment, name="segment"
    ),
    path("<str:token>/captions/<str:take>/<str:camera>.<str:language>.vtt", views.captions, name="captions"),
    path("<str:token>/chapters/<str:take>/<str:camera>.<str:language>.vtt", views.chapters, name="chapters"),
    path("<str:token>/bundle/<str:take>.zip", views.bundle, name="bundle"),
]
