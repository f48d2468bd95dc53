"""What the OpenAPI document says of the whole API: its introduction, its tags, its statuses."""

from __future__ import annotations

DESCRIPTION = """\
CivicLens takes reports of problems in a city, such as a pothole or a broken street lamp, and brings
them to the department that repairs them. Citizens follow their reports here, and find volunteering,
grants, jobs and events that suit them.

**Signing in.** Ask for a one-time code with `POST /api/v1/auth/request-otp/`, exchange it for
tokens with `POST /api/v1/auth/verify-otp/`, and send the access token with each request as
`Authorization: Bearer <access>`. Reports can be read and made without signing in.

**Errors** are problem documents (RFC 9457, `application/problem+json`). `type` is stable: decide by
it, and show `detail` to people. Open the address in `type` to read what it means.

**Queries** are read strictly. A parameter that the operation does not list, one given twice, one
without a value and one whose value the schema does not allow answer 400; `errors` names each. Leave
out what you do not need.

**Bodies.** Properties that the schema does not list are ignored, unless it says that there are no
others. In `multipart/form-data` a field that occurs twice, and a second file, answer 400. Texts are
stored without control and invisible characters, of which U+0000 alone is refused; what a length
counts is the text that is stored.

**Lists** answer `{next, previous, results}`. Follow `next` until it is null.

**Repeating a request safely.** Where `Idempotency-Key` is listed, send a new UUID with each new
request and the same one when you repeat it: it takes effect once.

A trailing slash is optional. Times are RFC 3339, with an offset; coordinates are degrees (WGS 84).
"""

#: Tag → its text, in the order in which somebody comes to need them.
TAGS = {
    "auth": "Sign in with a phone number and a one-time code, refresh tokens, end sessions.",
    "users": "Your account: name, language, email address and phone number.",
    "reports": (
        "Report a problem, read the public reports and follow one; the categories a report may "
        "name and the departments that answer."
    ),
    "figures": "The city's figures: how much is reported, how soon and how well it is repaired.",
    "photos": "Photos of a report: add one, see how far it is, read the picture.",
    "profile": "What you tell about yourself, so that opportunities that suit you can be found.",
    "opportunities": "Volunteering, grants, jobs and events: search, apply for, save or dismiss.",
    "matches": "Opportunities that suit you, each with a score and the reasons.",
    "jobs": "Long computations, such as statistics: start one, follow it and read its result.",
    "partners": "For organisations that publish opportunities, with an API key.",
    "staff": "For staff of a department, who signed in with their second factor.",
    "notifications": "For the SMS provider's server: what became of each message.",
    "collection": "For servers that send posts of an outside source.",
    "health": "Whether this installation works.",
}

#: Status of an answer → what it means where the view does not say so itself.
STATUSES = {
    "200": "The request succeeded.",
    "201": "Created.",
    "202": "Accepted; the work goes on in the background.",
    "204": "Done; the answer has no body.",
    "400": "A field or a parameter is not valid; `errors` names each one.",
    "401": "The credentials are missing, expired or not valid.",
    "403": "You may not do this.",
    "404": "There is no such thing, or none that you may see.",
    "409": "The state of the resource does not allow this.",
    "422": "The Idempotency-Key belongs to another request.",
    "429": "Too many requests; wait for `Retry-After` seconds.",
    "default": "Any other error, as a problem document.",
}

#: Property → what it means wherever its serializer does not say so itself.
PROPERTIES = {
    "id": "The id by which other requests name it.",
    "latitude": "Degrees north of the equator (WGS 84), from -90 to 90.",
    "longitude": "Degrees east of Greenwich (WGS 84), from -180 to 180.",
    "created_at": "When it was created.",
    "updated_at": "When it last changed.",
    "results": "The entries of this page.",
}

KEY_IN_USE = "A request with the same Idempotency-Key is being answered; repeat this one shortly."
