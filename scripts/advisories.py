"""Compare the locked versions with published advisories, offline, or fetch the advisories anew.

    python scripts/advisories.py check                 part of ``make lint``: reads locks/ and the page's lock file only
    python scripts/advisories.py update                asks the registries, by their own clients
    python scripts/advisories.py update --pypi FOLDER  reads files in the OSV format instead; --npm FOLDER is the same;
                                                       each can be given several times

``locks/advisories.json`` holds what is known of the locked packages, where it is from, and how old it is. An advisory
that does not concern us is named in ``locks/advisories-allowed.toml``, with the reason and the day on which somebody
looks again.

The registries' clients (``pip-audit``, ``npm audit``) judge the versions that are locked at that moment. Files in the
OSV format (a checkout of the PyPA's or of GitHub's advisory database, or an export of osv.dev for an ecosystem, as a
folder or as a ZIP file) say which versions are affected, so they hold for later locks, too.

A folder that is no whole database says so in a file ``source.json``: its name and licence, the day of which it is,
the packages that were looked up (``"all"``, or a list of names) and a note on what was not. A package without a record
in such a folder was looked up, and nothing is known of it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import total_ordering
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

Json = Mapping[str, Any]
PYPI, NPM = "PyPI", "npm"
FILE, ALLOWED, SOURCE = "advisories.json", "advisories-allowed.toml", "source.json"
_OLD_DAYS = 30


@dataclass(frozen=True, order=True)
class Package:
    ecosystem: str
    name: str
    version: str


@dataclass(frozen=True)
class Range:
    """From `introduced` to before `fixed`, or to `last_affected`; None: without end."""

    introduced: str
    fixed: str | None = None
    last_affected: str | None = None


@dataclass(frozen=True)
class Advisory:
    ecosystem: str
    package: str
    id: str
    aliases: tuple[str, ...]
    ranges: tuple[Range, ...]
    versions: tuple[str, ...]
    """Affected ones, beside `ranges`."""

    def affects(self, package: Package) -> bool:
        if (package.ecosystem, package.name) != (self.ecosystem, self.package):
            return False
        return package.version in self.versions or any(_inside(package, each) for each in self.ranges)


@dataclass(frozen=True)
class Allowed:
    """`until`: the first day on which it is no longer allowed."""

    id: str
    package: str
    reason: str
    until: date


@dataclass(frozen=True)
class Source:
    """Where the advisories of an ecosystem are from. `as_of`: the day of its newest record."""

    ecosystem: str
    name: str
    as_of: str
    packages: dict[str, str]
    """What was looked for: package -> version, or ``*`` for every version."""
    licence: str = ""
    note: str = ""
    """What a reader has to know: what was left out, and why."""

    def covers(self, package: Package) -> bool:
        wanted = self.packages.get(package.name) if package.ecosystem == self.ecosystem else None
        return wanted in {"*", package.version}


@dataclass(frozen=True)
class Known:
    """The file."""

    sources: tuple[Source, ...]
    advisories: tuple[Advisory, ...]


class Unusable(Exception):
    """One sentence that says what is wrong, and the fix."""


# -- what is locked --------------------------------------------------------------------------------


def locked(root: Path) -> list[Package]:
    """Every package of ``locks/*.txt`` and of the page's lock file."""
    found = set()
    for file in sorted((root / "locks").glob("*.txt")):
        for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", file.read_text("utf-8"), re.MULTILINE):
            found.add(Package(PYPI, canonicalize_name(name), version))
    page = json.loads((root / "web" / "package-lock.json").read_text("utf-8"))
    for place, about in page["packages"].items():
        if "node_modules/" in place and "version" in about:
            found.add(Package(NPM, about.get("name", place.rpartition("node_modules/")[2]), about["version"]))
    return sorted(found)


# -- versions --------------------------------------------------------------------------------------


@total_ordering
class SemVer:
    """Semantic Versioning 2.0.0, clause 11: how npm orders versions."""

    def __init__(self, text: str) -> None:
        core, _, before = text.partition("+")[0].partition("-")
        numbers = [int(part) for part in core.split(".") if part.isdecimal()]
        parts = before.split(".") if before else []
        # A release is above its pre-releases; numbers are below words.
        self._key = (
            [*numbers, 0, 0, 0][:3],
            not before,
            [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts],
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SemVer) and self._key == other._key

    def __lt__(self, other: SemVer) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(str(self._key))


def _inside(package: Package, limits: Range) -> bool:
    def key(text: str) -> Any:
        return Version(text) if package.ecosystem == PYPI else SemVer(text)

    try:
        version = key(package.version)
        if limits.introduced != "0" and version < key(limits.introduced):
            return False
        if limits.fixed is not None:
            return bool(version < key(limits.fixed))
        return limits.last_affected is None or bool(version <= key(limits.last_affected))
    except InvalidVersion:
        return True  # an order that nobody knows: a person has to look


# -- check -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    said: list[str]
    problems: list[str]


def check(root: Path, today: date) -> Outcome:
    """Compare the locks with the file. Raises: Unusable."""
    known, packages = read(root), locked(root)
    allowed = {(each.id, each.package): each for each in _allowed(root)}
    problems, used = [], set()
    for package in packages:
        for advisory in known.advisories:
            if not advisory.affects(package):
                continue
            entry = allowed.get((advisory.id, package.name))
            used.add((advisory.id, package.name))
            if entry is None or entry.until <= today:
                late = f" (it was allowed until {entry.until})" if entry else ""
                problems.append(f"  {package.name} {package.version}: {_names(advisory)}, {_fixed(advisory)}{late}")
    unused = sorted(allowed.keys() - used)
    problems += [f"  {name}: {key} of {ALLOWED} affects no locked version: remove it" for key, name in unused]
    return Outcome([_said(known, packages, ecosystem, today) for ecosystem in (PYPI, NPM)], sorted(problems))


def _said(known: Known, packages: Iterable[Package], ecosystem: str, today: date) -> str:
    own = [each for each in packages if each.ecosystem == ecosystem]
    covered = [each for each in own if any(source.covers(each) for source in known.sources)]
    sources = [each for each in known.sources if each.ecosystem == ecosystem]
    line = f"advisories: {ecosystem}: {len(covered)} of {len(own)} locked packages were looked up"
    if sources:
        kept = [each for each in known.advisories if each.ecosystem == ecosystem]
        line += f", {len(kept)} advisories are known of {len({each.package for each in kept})} of them"
    else:
        line += ": CONTRIBUTING.md says how to fetch them"
    for source in sources:
        age = (today - date.fromisoformat(source.as_of)).days
        old = ", which is old: CONTRIBUTING.md says how to fetch them" if age > _OLD_DAYS else ""
        looked = sum(source.covers(each) for each in own)
        line += f";\n  {source.name} ({looked} packages), as of {source.as_of} ({age} days ago{old})"
    return line


def _names(advisory: Advisory) -> str:
    return " ".join((advisory.id, *advisory.aliases))


def _fixed(advisory: Advisory) -> str:
    fixed = [each.fixed for each in advisory.ranges if each.fixed]
    return f"fixed in {', '.join(fixed)}" if fixed else "not fixed in any version that is known"


def _allowed(root: Path) -> list[Allowed]:
    found = tomllib.loads((root / "locks" / ALLOWED).read_text("utf-8"))
    try:
        return [Allowed(**each) for each in found.get("allowed", [])]
    except TypeError as error:
        raise Unusable(f"{ALLOWED}: each entry has an id, a package, a reason and until.") from error


# -- the file --------------------------------------------------------------------------------------


def read(root: Path) -> Known:
    kept = json.loads((root / "locks" / FILE).read_text("utf-8"))
    rows = [{**each, "ranges": tuple(Range(**limits) for limits in each["ranges"])} for each in kept["advisories"]]
    advisories = [
        Advisory(**{**each, "aliases": tuple(each["aliases"]), "versions": tuple(each["versions"])}) for each in rows
    ]
    return Known(tuple(Source(**each) for each in kept["sources"]), tuple(advisories))


def write(root: Path, known: Known) -> None:
    """Sorted, so that a difference shows what is new."""
    advisories = sorted(set(known.advisories), key=lambda each: (each.ecosystem, each.package, each.id))
    sources = [asdict(each) for each in known.sources]
    kept = {"sources": sources, "advisories": [asdict(each) for each in advisories]}
    (root / "locks" / FILE).write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")


# -- update ----------------------------------------------------------------------------------------


def update(root: Path, files: Mapping[str, list[Path]], today: date) -> None:
    """Take each ecosystem from its files, or ask its registry where there are none; the rest stays as it is.

    Raises: Unusable when a registry has no advisories to give.
    """
    known, packages = read(root), locked(root)
    for ecosystem in (PYPI, NPM):
        own = [each for each in packages if each.ecosystem == ecosystem]
        if ecosystem in files:
            read_now = [from_osv(path, ecosystem, own) for path in files[ecosystem]]
        else:
            read_now = [(from_pip_audit if ecosystem == PYPI else from_npm_audit)(root, own, today)]
        known = Known(
            (*(each for each in known.sources if each.ecosystem != ecosystem), *(source for source, _ in read_now)),
            (
                *(each for each in known.advisories if each.ecosystem != ecosystem),
                *(each for _, found in read_now for each in found),
            ),
        )
        write(root, known)


def from_osv(path: Path, ecosystem: str, packages: Iterable[Package]) -> tuple[Source, list[Advisory]]:
    """Advisories on `packages` in a folder or a ZIP file of OSV records; withdrawn ones are left out.

    Raises: Unusable when there are no records of `ecosystem`, or `SOURCE` says something that cannot be.
    """
    about_source = _about(path)
    names = _looked_up(about_source, packages)
    newest, found = "", []
    for record in _records(path):
        for affected in record["affected"]:
            about = affected.get("package", {})
            if about.get("ecosystem") != ecosystem:
                continue
            newest = max(newest, str(record["modified"])[:10])
            name = canonicalize_name(about["name"]) if ecosystem == PYPI else about["name"]
            if name in names and not record.get("withdrawn"):
                aliases = tuple(sorted(record.get("aliases", [])))
                versions = () if _has_order(affected) else tuple(affected.get("versions", []))
                ranges = tuple(_ranges(affected.get("ranges", [])))
                found.append(Advisory(ecosystem, name, record["id"], aliases, ranges, versions))
    if not newest:
        raise Unusable(f"{path} has no record of {ecosystem} in the OSV format.")
    name, licence = about_source.get("name", "records in the OSV format"), about_source.get("licence", "")
    as_of = about_source.get("as_of", newest)
    looked_up = dict.fromkeys(sorted(names), "*")
    return Source(ecosystem, name, as_of, looked_up, licence, about_source.get("note", "")), found


def _about(path: Path) -> Json:
    """What a folder says of itself; empty where it is a whole database."""
    file = path / SOURCE
    found: Json = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return found


def _looked_up(about: Json, packages: Iterable[Package]) -> set[str]:
    """The names of `packages` that were looked for. Raises: Unusable for a name that is not locked."""
    names = {each.name for each in packages}
    given = about.get("packages", "all")
    if given == "all":
        return names
    if unknown := sorted(set(given) - names):
        raise Unusable(f"{SOURCE} names packages that are not locked: {', '.join(unknown)}.")
    return set(given)


def _has_order(affected: Json) -> bool:
    return any(each.get("type") in {"ECOSYSTEM", "SEMVER"} for each in affected.get("ranges", []))


def _ranges(ranges: Iterable[Json]) -> Iterator[Range]:
    """OSV has a list of events; each that ends something ends what was introduced last."""
    for each in ranges:
        if each.get("type") not in {"ECOSYSTEM", "SEMVER"}:
            continue
        introduced: str | None = None
        for event in each["events"]:
            if "introduced" in event:
                introduced = event["introduced"]
            elif introduced is not None and ("fixed" in event or "last_affected" in event):
                yield Range(introduced, event.get("fixed"), event.get("last_affected"))
                introduced = None
        if introduced is not None:
            yield Range(introduced)


def _records(path: Path) -> Iterator[Json]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix in {".json", ".yaml"}:
                yield from _record(file.suffix, file.read_bytes())
        return
    with ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            yield from _record(Path(name).suffix, archive.read(name))


def _record(suffix: str, content: bytes) -> Iterator[Json]:
    import yaml

    found = json.loads(content) if suffix == ".json" else yaml.safe_load(content) if suffix == ".yaml" else None
    if isinstance(found, dict) and "id" in found and "affected" in found:
        yield found


def from_pip_audit(root: Path, packages: list[Package], today: date) -> tuple[Source, list[Advisory]]:
    """Raises: Unusable."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
        wanted.write("".join(f"{each.name}=={each.version}\n" for each in packages))
        wanted.flush()
        command = [str(root / ".venv" / "bin" / "uv"), "tool", "run", "pip-audit", "--format", "json"]
        answer = _answer([*command, "--no-deps", "--disable-pip", "--requirement", wanted.name], root)
    judged = [each for each in answer.get("dependencies", []) if "skip_reason" not in each]
    if not judged:
        raise Unusable("pip-audit got no answer from its registry: give files in the OSV format (--pypi).")
    found = []
    for each in judged:
        name = canonicalize_name(each["name"])
        for about in each["vulns"]:
            fixed = sorted(about["fix_versions"], key=Version)
            ranges = (Range(each["version"], fixed[0]),) if fixed else ()
            found.append(Advisory(PYPI, name, about["id"], tuple(sorted(about["aliases"])), ranges, (each["version"],)))
    versions = {canonicalize_name(each["name"]): each["version"] for each in judged}
    return Source(PYPI, "pip-audit", str(today), dict(sorted(versions.items()))), found


def from_npm_audit(root: Path, packages: list[Package], today: date) -> tuple[Source, list[Advisory]]:
    """Raises: Unusable."""
    answer = _answer(["npm", "audit", "--audit", "--json"], root / "web")
    if "vulnerabilities" not in answer:
        raise Unusable("npm audit got no answer from its registry: give files in the OSV format (--npm).")
    versions = {each.name: each.version for each in packages}
    return Source(NPM, "npm audit", str(today), dict(sorted(versions.items()))), list(from_npm(answer))


def from_npm(answer: Json) -> Iterator[Advisory]:
    """The advisories of what ``npm audit --json`` printed."""
    for about in answer["vulnerabilities"].values():
        for via in about["via"]:
            if isinstance(via, dict):  # a text names another package of the list
                name = via["url"].rstrip("/").rpartition("/")[2]
                yield Advisory(NPM, via["name"], name, (), tuple(_npm_ranges(via["range"])), ())


def _npm_ranges(text: str) -> Iterator[Range]:
    """``>=1.0.0 <1.2.3 || <=0.9.0`` as ranges. Raises: Unusable for any other form."""
    for part in text.split("||"):
        limits = dict(re.findall(r"(>=|>|<=|<|=)\s*([\w.+-]+)", part))
        if re.sub(r"(>=|>|<=|<|=)\s*[\w.+-]+|\*|\s", "", part) or ">" in limits:
            raise Unusable(f"The range {text!r} of npm has a form that this script does not know.")
        if "=" in limits:
            yield Range(limits["="], last_affected=limits["="])
        else:
            yield Range(limits.get(">=", "0"), limits.get("<"), limits.get("<="))


def _answer(command: list[str], folder: Path) -> Json:
    """What a client printed as JSON; empty where it printed none. Both clients fail when they find something."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        found: Json = json.loads(done.stdout)
    except json.JSONDecodeError:
        return {}
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="advisories.py")
    parser.add_argument("what", choices=["check", "update"])
    for name, client in (("--pypi", "pip-audit"), ("--npm", "npm audit")):
        about = f"a folder or a ZIP file of OSV records, instead of {client}; can be given several times"
        parser.add_argument(name, type=Path, action="append", help=about)
    given = parser.parse_args(arguments)
    root, today = Path(__file__).parents[1], datetime.now(UTC).date()
    files = {name: paths for name, paths in ((PYPI, given.pypi), (NPM, given.npm)) if paths}
    try:
        if given.what == "update":
            update(root, files, today)
        outcome = check(root, today)
    except (Unusable, OSError) as error:
        sys.stdout.write(f"advisories: {error}\n")
        return 1
    sys.stdout.write("\n".join([*outcome.said, *outcome.problems]) + "\n")
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
