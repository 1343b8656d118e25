"""Who asks: users, apps, their installations and tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import jwt

from bench.github_server.call import Answer, Call, Problem, route
from bench.github_server.shapes import Shapes
from bench.github_server.state import App, Json, World

_PERMISSIONS = {"contents": "write", "pull_requests": "write", "issues": "write", "checks": "read", "metadata": "read"}


def app_of(world: World, token: str) -> App | None:
    """Return the app whose key signed a JSON Web Token that is valid now.

    Raises:
        Problem: it is a token of an app and is not valid.
    """
    if token.count(".") != 2:
        return None
    try:
        claimed = int(jwt.decode(token, options={"verify_signature": False})["iss"])
        app = world.apps[claimed]
        claims = jwt.decode(token, app.public_key, algorithms=["RS256"], options={"require": ["iat", "exp"]})
    except (jwt.PyJWTError, KeyError, ValueError) as error:
        raise Problem(401, "A JSON web token could not be decoded") from error
    if claims["exp"] - claims["iat"] > 600:
        raise Problem(401, "'Expiration time' claim ('exp') is too far in the future")
    return app


@route("GET", "/user")
def show_me(call: Call) -> Answer:
    """Answer who the credential belongs to; an installation is nobody."""
    if not call.login or call.login.endswith("[bot]"):
        raise Problem(403, "Resource not accessible by integration")
    return Answer(Shapes(call.world, call.api, call.web).user(call.login))


@route("GET", "/users/{username}")
def show_user(call: Call) -> Answer:
    """Answer a user."""
    if call.arguments["username"] not in call.world.users:
        raise Problem(404, "Not Found")
    return Answer(Shapes(call.world, call.api, call.web).user(call.arguments["username"]))


@route("GET", "/app")
def show_app(call: Call) -> Answer:
    """Answer the app that asks."""
    app = _asking(call)
    owner = Shapes(call.world, call.api, call.web).user("octo-org")
    shown = {"id": app.id, "slug": app.slug, "name": app.slug, "owner": owner, "permissions": _PERMISSIONS}
    return Answer({**shown, "description": "", "external_url": call.web, "html_url": f"{call.web}/apps/{app.slug}"})


@route("GET", "/repos/{owner}/{repo}/installation")
def find_installation(call: Call) -> Answer:
    """Answer the installation of the app that asks on a repository."""
    app, owner = _asking(call), call.repository.owner
    found = next((number for number, login in app.installations.items() if login == owner), None)
    if found is None:
        raise Problem(404, "Not Found")
    account = Shapes(call.world, call.api, call.web).user(owner)
    shown: Json = {
        "id": found,
        "app_id": app.id,
        "app_slug": app.slug,
        "account": account,
        "target_type": account["type"],
    }
    return Answer({**shown, "permissions": _PERMISSIONS, "repository_selection": "all", "suspended_at": None})


@route("POST", "/app/installations/{installation_id}/access_tokens")
def issue_token(call: Call) -> Answer:
    """Give an installation a token that expires."""
    app = _asking(call)
    owner = app.installations.get(int(call.arguments["installation_id"]))
    if owner is None:
        raise Problem(404, "Not Found")
    bot = call.world.user(f"{app.slug}[bot]", "Bot").login
    token = call.world.token(bot, app.token_seconds, "ghs_")
    for repository in call.world.repositories.values():
        if repository.owner == owner:
            repository.people[bot] = "write"
    expires = datetime.now(UTC) + timedelta(seconds=app.token_seconds)
    shown = {"token": token, "expires_at": expires.strftime("%Y-%m-%dT%H:%M:%SZ"), "permissions": _PERMISSIONS}
    return Answer({**shown, "repository_selection": "all"}, 201)


def _asking(call: Call) -> App:
    if call.app is None:
        raise Problem(401, "A JSON web token could not be decoded")
    return call.app
