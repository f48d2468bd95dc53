"""The addresses of the public pages."""

from django.urls import path

from portal import acting, city, home, listing, mine, offline, reporting, showing, signing_in

urlpatterns = [
    path("", home.home_page, name="home"),
    path("report/", reporting.report_form, name="portal-report"),
    path("report/questions/", reporting.questions_part, name="portal-questions"),
    path("report/thanks/", reporting.thanks_page, name="portal-thanks"),
    path("reports/", listing.list_page, name="portal-reports"),
    path("reports/<uuid:pk>", showing.report_page, name="report-page"),  # messages link here
    path("reports/<uuid:pk>/comments", acting.comment, name="portal-comment"),
    path("reports/<uuid:pk>/photos", acting.add_photos, name="portal-photos"),
    path("reports/<uuid:pk>/follow", acting.follow, name="portal-follow"),
    path("reports/<uuid:pk>/me-too", acting.me_too, name="portal-me-too"),
    path("reports/<uuid:pk>/step", acting.take_step, name="portal-step"),
    path("me/", mine.mine_page, name="portal-mine"),
    path("sign-in/", signing_in.phone_page, name="portal-sign-in"),
    path("sign-in/code/", signing_in.code_page, name="portal-sign-in-code"),
    path("sign-out/", signing_in.sign_out, name="portal-sign-out"),
    path("city/outlines.json", city.outlines_view, name="portal-outlines"),
    path("city/streets/<int:x>/<int:y>.json", city.streets_view, name="portal-streets"),
    path("report/kept/", offline.kept_page, name="portal-kept"),
    path("report/kept/send/", offline.send_kept, name="portal-send-kept"),
    path("report/offline/", offline.offline_form, name="portal-offline-form"),
    path("offline/", offline.offline_page, name="portal-offline"),
    path("service-worker.js", offline.worker_script, name="portal-worker"),
    path("manifest.webmanifest", offline.manifest, name="portal-manifest"),
    path("language/<str:language>", home.choose_language, name="portal-language"),
]
