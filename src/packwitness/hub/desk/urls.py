from django.urls import path

from packwitness.hub.desk.views import benches, messages, orders, record, settings, take_list, takes

app_name = "desk"
urlpatterns = [
    path("", take_list.takes, name="takes"),
    path("films.csv", take_list.takes_csv, name="takes_csv"),
    path("takes/<str:take>/", takes.take, name="take"),
    path("takes/<str:take>/state.json", takes.take_state, name="take_state"),
    path("takes/<str:take>/links", takes.mint_link, name="mint_link"),
    path("links/<str:link>/revoke", takes.revoke_link, name="revoke_link"),
    path("orders/", orders.orders, name="orders"),
    path("orders.csv", orders.orders_csv, name="orders_csv"),
    path("orders/import/", orders.order_import, name="order_import"),
    path("orders/import/example.csv", orders.example, name="order_example"),
    path("orders/<str:order_id>/", orders.order, name="order"),
    path("messages/", messages.messages, name="messages"),
    path("messages/<str:message>/again", messages.send_again, name="send_again"),
    path("benches/", benches.benches, name="benches"),
    path("record/", record.record, name="record"),
    path("settings/", settings.settings, name="settings"),
    path("settings/keys", settings.issue_key, name="issue_key"),
    path("settings/keys/<str:key>/revoke", settings.revoke_key, name="revoke_key"),
    path("settings/sites", settings.add_site, name="add_site"),
    path("settings/members", settings.add_member, name="add_member"),
]
