"""Repositories with their branches, refs, commits and rules."""

from __future__ import annotations

from bench.github_server.call import Answer, Call, Problem, route
from bench.github_server.changes import delete_ref
from bench.github_server.shapes import Shapes
from bench.github_server.state import Json, Repository

_NULL = "0" * 40


@route("GET", "/repos/{owner}/{repo}")
def show_repository(call: Call) -> Answer:
    """Answer a repository."""
    found = call.repository
    rank = call.rank(found) or ("" if call.app else "read")
    return Answer(Shapes(call.world, call.api, call.web).repository(found, rank))


@route("GET", "/repos/{owner}/{repo}/branches")
def list_branches(call: Call) -> Answer:
    """Answer the branches by name."""
    found = call.repository
    names = found.git.run("for-each-ref", "--format=%(refname:strip=2)", "refs/heads").split()
    shown = [{"name": one, "commit": {"sha": found.tip(one)}, "protected": bool(found.required(one))} for one in names]
    return Answer(shown, page="")


@route("GET", "/repos/{owner}/{repo}/branches/{branch}")
def show_branch(call: Call) -> Answer:
    """Answer a branch with the checks that its protection requires."""
    found, name = call.repository, call.arguments["branch"]
    sha = found.tip(name)
    if not sha:
        raise Problem(404, "Branch not found")
    contexts = found.protection.get(name, [])
    required = {"contexts": contexts, "checks": [], "enforcement_level": "everyone" if contexts else "off"}
    protection = {"enabled": name in found.protection, "required_status_checks": required}
    protected = name in found.protection or name in found.rules
    return Answer({"name": name, "commit": {"sha": sha}, "protected": protected, "protection": protection})


@route("GET", "/repos/{owner}/{repo}/branches/{branch}/protection")
def show_protection(call: Call) -> Answer:
    """Answer a branch's protection to administrators."""
    found, name = call.need("admin"), call.arguments["branch"]
    if name not in found.protection:
        raise Problem(404, "Branch not protected")
    contexts = found.protection[name]
    return Answer({"required_status_checks": {"contexts": contexts, "checks": [], "strict": False}})


@route("GET", "/repos/{owner}/{repo}/rules/branches/{branch}")
def list_rules(call: Call) -> Answer:
    """Answer the rules of rulesets that hold for a branch."""
    source = {"ruleset_source_type": "Repository", "ruleset_source": call.repository.full_name, "ruleset_id": 1}
    rules = call.repository.rules.get(call.arguments["branch"], [])
    return Answer([{**rule, **source} for rule in rules], page="")


@route("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission")
def show_permission(call: Call) -> Answer:
    """Answer what a user may do."""
    found, login = call.need("write"), call.arguments["username"]
    if login not in call.world.users:
        raise Problem(404, f"{login} is not a user")
    role = found.people.get(login, "none" if found.private else "read")
    permission = {"maintain": "write", "triage": "read"}.get(role, role)
    user = {**Shapes(call.world, call.api, call.web).user(login), "role_name": role}
    return Answer({"permission": permission, "role_name": role, "user": user})


@route("GET", "/repos/{owner}/{repo}/git/ref/{ref}")
def show_ref(call: Call) -> Answer:
    """Answer a ref."""
    sha = call.repository.git.commit_of(f"refs/{call.arguments['ref']}")
    if not sha:
        raise Problem(404, "Not Found")
    return Answer(_ref(f"refs/{call.arguments['ref']}", sha))


@route("POST", "/repos/{owner}/{repo}/git/refs")
def create_ref(call: Call) -> Answer:
    """Make a ref."""
    found, ref, sha = call.need("write"), call.body["ref"], call.body["sha"]
    if found.git.commit_of(ref):
        raise Problem(422, "Reference already exists")
    if not found.git.commit_of(sha):
        raise Problem(422, "Object does not exist")
    found.git.run("update-ref", ref, sha, _NULL)
    return Answer(_ref(ref, sha), 201)


@route("DELETE", "/repos/{owner}/{repo}/git/refs/{ref}")
def remove_ref(call: Call) -> Answer:
    """Delete a ref; the pull requests of a branch are closed."""
    found, ref = call.need("write"), f"refs/{call.arguments['ref']}"
    if not found.git.commit_of(ref):
        raise Problem(422, "Reference does not exist")
    delete_ref(call, found, ref)
    return Answer(status=204)


@route("GET", "/repos/{owner}/{repo}/commits/{ref}")
def show_commit(call: Call) -> Answer:
    """Answer a commit."""
    found = call.repository
    sha = found.git.commit_of(call.arguments["ref"])
    if not sha:
        raise Problem(422, f"No commit found for SHA: {call.arguments['ref']}")
    return Answer(_commit(found, sha))


@route("GET", "/repos/{owner}/{repo}/compare/{basehead}")
def compare(call: Call) -> Answer:
    """Answer how the second of two commits lies to the first."""
    found = call.repository
    shas = [found.git.commit_of(one) for one in call.arguments["basehead"].split("...", 1)]
    if len(shas) != 2 or not all(shas):
        raise Problem(404, "Not Found")
    base, head = shas
    ahead, behind = (int(found.git.run("rev-list", "--count", span)) for span in (f"{base}..{head}", f"{head}..{base}"))
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    shown = _commit(found, base)
    return Answer(
        {
            "status": status.get((bool(ahead), bool(behind)), "diverged"),
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "base_commit": shown,
            "merge_base_commit": _commit(found, found.git.run("merge-base", base, head)),
            "commits": [],
        }
    )


def _ref(ref: str, sha: str) -> Json:
    return {"ref": ref, "object": {"type": "commit", "sha": sha}}


def _commit(repository: Repository, sha: str) -> Json:
    parents = repository.git.run("rev-list", "--parents", "-n", "1", sha).split()[1:]
    message = repository.git.run("log", "-1", "--format=%B", sha)
    inner = {"message": message, "tree": {"sha": repository.git.tree_of(sha)}, "comment_count": 0}
    return {"sha": sha, "commit": inner, "parents": [{"sha": one} for one in parents]}
