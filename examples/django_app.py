"""A session, its callback and a list of what was signed, in Django (in one file).
The service runs beside it: `make demo` in the folder of the repository starts it and prints the key. Then, there:
SIGNING_URL=http://127.0.0.1:8400 SIGNING_KEY='Example application|...' python examples/django_app.py runserver 8000
"""

import os
import sys
from collections.abc import Callable
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.template import Context, Engine
from django.urls import path
from django.views.decorators.http import require_GET, require_POST
from signroom_client import RefusedError, SessionStatus, SignroomClient, SignroomError

settings.configure(
    DEBUG=False,
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.urandom(32).hex(),
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        f"{__name__}.Failures",
    ],
)
signroom = SignroomClient(os.environ["SIGNING_URL"], os.environ["SIGNING_KEY"])

PAGE = """<!doctype html><html lang=en><meta charset=utf-8><title>Orders</title>
{% if not session %}
  <h1>Orders</h1><form method=post action="/sign"><input type=hidden name=csrfmiddlewaretoken value="{{ token }}">
  <label>Order <input name=order value=42 required></label> <button>Sign documents for it</button></form>
{% elif not session.completed %}
  <h1>Not signed</h1><p>Order {{ session.callback_argument }}: {{ session.status }}.
{% else %}
  <h1>Signed</h1><p>Order {{ session.callback_argument }}, by {{ session.signer_certificate.subject_display_name }}
  {% if not session.signer_identity_confirmed %}(nobody has confirmed this identity){% endif %}:
  <ul>{% for document in session.documents %}
    <li><a href="{{ document.signed_file.location }}">{{ document.signed_file.name }}</a>
  {% endfor %}</ul>{% endif %}
<h2>Signed so far</h2>
<ul>{% for one in done %}<li><a href="/callback?signatureSessionId={{ one.id }}">Order {{ one.callback_argument }}</a>
{% empty %}<li>Nothing yet.{% endfor %}</ul>"""


def page(request: HttpRequest, session: object = None) -> HttpResponse:
    done = list(islice(signroom.list_sessions(status=SessionStatus.COMPLETED), 20))
    values = Context({"session": session, "done": done, "token": get_token(request)})
    return HttpResponse(Engine().from_string(PAGE).render(values))


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    return page(request)


@require_POST
def sign(request: HttpRequest) -> HttpResponse:
    """Open a session and send the user to it."""
    session = signroom.create_session(
        return_url=request.build_absolute_uri("/callback"), callback_argument=request.POST.get("order")
    )
    return HttpResponseRedirect(session.redirect_url)


@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """The user is back. Anybody can call this address with any id: ask the service what is true."""
    try:
        session = signroom.get_session(UUID(request.GET["signatureSessionId"]))
    except (KeyError, ValueError, RefusedError) as error:
        raise Http404 from error
    return page(request, session)


class Failures:
    """The service refused, or does not answer (``ConnectionFailed``)."""

    def __init__(self, following: Callable[[HttpRequest], HttpResponse]) -> None:
        self.following = following

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.following(request)

    def process_exception(self, _request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, SignroomError):
            return None
        return HttpResponse(f"<h1>Not possible</h1><p>{error.code}", status=502)


urlpatterns = [path("", home), path("sign", sign), path("callback", callback)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
