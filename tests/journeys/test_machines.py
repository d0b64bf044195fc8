"""Several machines: two that serve and two that work, PostgreSQL and S3 between them, and nothing else in common."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from signroom.domain.security_context import TEST
from tests.harness.machines import Installation, Machine, installation
from tests.harness.moto import S3
from tests.harness.postgres import Postgres
from tests.harness.server import ROOT, Json, Page, ok, values_of
from tests.vectors import hard_pdfs
from tests.verifiers import programs as verifiers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def group(postgres: Postgres, s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    database = postgres.new_database()
    folder = tmp_path_factory.mktemp("machines")
    with installation(folder, database, s3.new_bucket(), **s3.environment) as made:
        for arguments in (("serve", "--no-jobs"), ("serve", "--no-jobs"), ("worker",), ("worker",)):
            made.start(*arguments, ready=False)
        for machine in made.machines:
            machine.wait_until_ready()
        yield made


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    file = tmp_path / "contract.pdf"
    file.write_bytes(hard_pdfs.make("ten-pages"))
    return file


def signed_files(group: Installation, machine: Machine, session: Json) -> list[bytes]:
    """Each signed file by that machine, though its address is the installation's."""
    addresses = [machine.address(document["signedFile"]["location"]) for document in session["documents"]]
    return [httpx.get(address, trust_env=False).raise_for_status().content for address in addresses]


def require_valid(content: bytes, machine: Machine, folder: Path) -> None:
    """Intact, and by a certificate of the demo authority as `machine` knows it."""
    root = x509.load_pem_x509_certificate((machine.data / "demo-ca.crt").read_bytes()).public_bytes(Encoding.DER)
    file = folder / "signed.pdf"
    file.write_bytes(content)
    (result,) = verifiers.pyhanko(file, [root])
    assert (result.intact, result.valid, result.trusted) == (True, True, True)


def test_opened_on_one_signed_on_the_other_fetched_from_both(
    group: Installation, contract: Path, tmp_path: Path
) -> None:
    one, other = group.machines[:2]
    opened = group.open_session(one)

    robot = subprocess.run(
        [
            *(sys.executable, "-m", "signroom", "robot", other.address(opened["redirectUrl"])),
            *("--demo", "--file", str(contract)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (robot.returncode, robot.stdout.splitlines()[-1:]) == (0, ["closed"]), robot.stderr + group.logs()
    for machine in (one, other):
        session = group.session(machine, opened["sessionId"])
        assert session["status"] == "Completed"
        (content,) = signed_files(group, machine, session)
        assert content.startswith(contract.read_bytes())
        require_valid(content, machine, tmp_path)


def test_each_call_of_one_page_may_reach_another_machine(group: Installation, contract: Path, tmp_path: Path) -> None:
    one, other = group.machines[:2]
    opened = group.open_session(one, securityContextId=str(TEST.id))  # it trusts the demo authority of the machine
    here = group.page(one, opened)
    there = by(group, other, opened, here)

    document = here.add(contract.read_bytes())
    previews = [page.client.get(f"preview/{document['id']}/0").raise_for_status() for page in (here, there)]
    key, chain = here.demo_key()
    preparation = ok(there.prepare(chain))
    values = values_of(preparation, key)
    finished = ok(here.finish(preparation, values))
    again = ok(there.finish(preparation, values))

    assert previews[0].content == previews[1].content
    assert {finished["status"], again["status"]} <= {"Processing", "Completed"}
    session = group.wait(other, opened["sessionId"])
    assert session["status"] == "Completed", group.logs()
    (content,) = signed_files(group, one, session)
    require_valid(content, other, tmp_path)


def by(group: Installation, machine: Machine, opened: Json, page: Page) -> Page:
    """The same signer, with the same token, by another machine."""
    found = group.page(machine, opened)
    found.client.headers["X-Signature-Session-Token"] = page.client.headers["X-Signature-Session-Token"]
    return found


def test_an_upload_in_parts_may_be_spread_over_machines(group: Installation) -> None:
    one, other = group.machines[:2]
    begun = ok(group.call(one, "POST", "/Api/MultipartUploads"))
    address, size = f"/Api/MultipartUploads/{begun['blobToken']}", begun["partSize"]
    content = os.urandom(size + 1000)

    etags = []
    for number in range(2):
        part = content[number * size : (number + 1) * size]
        etags.append(group.call((other, one)[number], "POST", f"{address}/{number}", content=part).headers["ETag"])
    ended = group.call(other, "POST", address, json={"partETags": etags})

    assert ended.status_code == 200, ended.text
    document = {"file": {"blobToken": begun["blobToken"], "name": "data.bin"}}
    assert group.open_session(one, documents=[document])["sessionId"]


def test_a_worker_that_is_stopped_leaves_its_work_to_the_other(group: Installation) -> None:
    """Last in this file: it ends one of the machines."""
    one, other, worker = group.machines[:3]
    opened = group.open_session(one)
    page = group.page(other, opened)
    for number in range(6):
        page.add(hard_pdfs.make("ten-pages"), f"contract {number}.pdf")
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    ok(page.finish(preparation, values_of(preparation, key)))

    assert worker.terminate() == 0, worker.log.read_text()

    session = group.wait(one, opened["sessionId"])
    assert [document["status"] for document in session["documents"]] == ["Completed"] * 6


def test_nothing_that_matters_lies_on_a_machine(group: Installation) -> None:
    lying = {str(f.relative_to(m.data)) for m in group.machines for f in m.data.rglob("*") if f.is_file()}

    # The certificate is made from the secret; the lock tells processes of one machine from each other; the address is
    # what commands on this machine are told by the service that runs here.
    assert lying <= {"demo-ca.crt", "executor.lock", "address"}
