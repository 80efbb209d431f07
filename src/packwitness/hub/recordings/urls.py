from django.urls import path

from packwitness.hub.recordings import views

app_name = "recordings"
urlpatterns = [
    path("takes/<str:take>/film/<str:camera>.mp4", views.film, name="film"),
    path("takes/<str:take>/copy/<str:camera>.mp4", views.copy, name="copy"),
    path("takes/<str:take>/copy/<str:camera>/state.json", views.copy_state, name="copy_state"),
    path("takes/<str:take>/copy/<str:camera>.json", views.copy_record, name="copy_record"),
    path("takes/<str:take>/live/<str:camera>.m3u8", views.playlist, name="playlist"),
    path("takes/<str:take>/live/<str:camera>/init-<int:number>.mp4", views.init, name="init"),
    path("takes/<str:take>/live/<str:camera>/<int:first>-<int:last>.m4s", views.segment, name="segment"),
    path("takes/<str:take>/captions.<str:language>.vtt", views.captions, name="captions"),
    path("takes/<str:take>/chapters.<str:language>.vtt", views.chapters, name="chapters"),
]
