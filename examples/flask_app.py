"""A session, its callback and a list of what was signed, in Flask.
The service runs in another terminal: `make demo` in the folder of the repository starts it, and prints the key. Then,
in the same folder (examples/README.md has the `pip install`):

SIGNING_URL=http://127.0.0.1:8400 SIGNING_KEY='Example application|...' flask --app examples/flask_app.py run
"""

import os
from uuid import UUID

from flask import Flask, abort, redirect, render_template_string, request, url_for
from signroom_client import RefusedError, SessionStatus, SignroomClient, SignroomError
from werkzeug.wrappers import Response

app = Flask(__name__)
signroom = SignroomClient(os.environ["SIGNING_URL"], os.environ["SIGNING_KEY"])

PAGE = """<!doctype html><html lang=en><meta charset=utf-8><title>Orders</title>
{% if session is not defined %}
  <h1>Orders</h1>
  <form method=post action="{{ url_for('sign') }}"><label>Order <input name=order value=42 required></label>
  <button>Sign documents for it</button></form>
{% elif not session.completed %}
  <h1>Not signed</h1><p>Order {{ session.callback_argument }}: {{ session.status }}.
{% else %}
  <h1>Signed</h1><p>Order {{ session.callback_argument }}, by {{ session.signer_certificate.subject_display_name }}
  {% if not session.signer_identity_confirmed %}(nobody has confirmed this identity){% endif %}:
  <ul>{% for document in session.documents %}
    <li><a href="{{ document.signed_file.location }}">{{ document.signed_file.name }}</a>
  {% endfor %}</ul>
{% endif %}
<h2>Signed so far</h2>
<ul>{% for one in done %}<li><a href="{{ url_for('callback', signatureSessionId=one.id) }}">
Order {{ one.callback_argument }}</a>{% else %}<li>Nothing yet.{% endfor %}</ul>"""


def page(**values: object) -> str:
    done = [s for s, _ in zip(signroom.list_sessions(status=SessionStatus.COMPLETED), range(20), strict=False)]
    return render_template_string(PAGE, done=done, **values)


@app.get("/")
def home() -> str:
    return page()


@app.post("/sign")
def sign() -> Response:
    """Open a session and send the user to it."""
    session = signroom.create_session(
        return_url=url_for("callback", _external=True), callback_argument=request.form["order"]
    )
    return redirect(session.redirect_url, code=303)


@app.get("/callback")
def callback() -> str:
    """The user is back. Anybody can call this address with any id: ask the service what is true."""
    try:
        return page(session=signroom.get_session(UUID(request.args["signatureSessionId"])))
    except (ValueError, RefusedError):
        abort(404)


@app.errorhandler(SignroomError)
def failed(error: SignroomError) -> tuple[str, int]:
    """The service refused, or does not answer (``ConnectionFailed``)."""
    return f"<h1>Not possible</h1><p>{error.code}", 502
