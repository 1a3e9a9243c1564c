"""Mail that is sent to the sink can be read, by programs as from Mailpit and by people on a page."""

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest

from deploy.local.own_programs import start_mailbox
from deploy.local.ports import free_ports, is_open
from deploy.local.processes import Processes
from deploy.local.waiting import wait_until


class Sink:
    """A running mailbox and its two ports."""

    def __init__(self, smtp_port: int, http_port: int) -> None:
        self.smtp_port = smtp_port
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{http_port}")

    async def take(self, mail: EmailMessage, *, recipients: list[str] | None = None) -> None:
        await aiosmtplib.send(mail, hostname="127.0.0.1", port=self.smtp_port, recipients=recipients)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    state: Path = tmp_path_factory.mktemp("mailbox")
    smtp_port, http_port = free_ports(2)
    processes = Processes(state)
    start_mailbox(processes, smtp_port=smtp_port, http_port=http_port, logs=state)
    assert wait_until(lambda: is_open(smtp_port) and is_open(http_port), seconds=20)
    sink = Sink(smtp_port, http_port)
    yield sink
    sink.http.close()
    processes.stop_all()


@pytest.fixture
def sink(running: Sink) -> Sink:
    running.http.put("/api/v1/chaos", json={})
    assert running.http.delete("/api/v1/messages").text == "ok"
    return running


async def test_a_mail_is_listed_newest_first_and_read_whole(sink: Sink) -> None:
    await sink.take(a_mail("Klien bebas hari ini"))
    await sink.take(a_mail("Kontak pertama terlambat"))

    listed = sink.http.get("/api/v1/messages", params={"limit": 1}).json()
    read = sink.http.get(f"/api/v1/message/{listed['messages'][0]['ID']}").json()

    assert (listed["total"], len(listed["messages"])) == (2, 1)
    assert read["Subject"] == "Kontak pertama terlambat"
    assert read["MessageID"] == "row-1@bapas.example"
    assert read["From"] == {"Name": "Bapas", "Address": "bapas@bapas.example"}
    assert read["To"] == [{"Name": "", "Address": "rina@bapas.example"}]
    assert "Selamat pagi, Ibu Rina — é" in read["Text"]
    assert "<b>pagi</b>" in read["HTML"]


async def test_raw_mail_and_headers_can_be_read(sink: Sink) -> None:
    await sink.take(a_mail("Sidang"))
    [mail] = sink.http.get("/api/v1/messages").json()["messages"]

    headers = sink.http.get(f"/api/v1/message/{mail['ID']}/headers").json()
    raw = sink.http.get(f"/api/v1/message/{mail['ID']}/raw").text

    assert headers["Message-ID"] == ["<row-1@bapas.example>"]
    assert "Subject: Sidang" in raw


async def test_a_recipient_who_is_not_in_the_headers_is_shown(sink: Sink) -> None:
    await sink.take(a_mail("Salinan"), recipients=["rina@bapas.example", "hidden@bapas.example"])

    [mail] = sink.http.get("/api/v1/messages").json()["messages"]

    assert mail["Bcc"] == [{"Name": "", "Address": "hidden@bapas.example"}]


async def test_the_page_shows_a_mail_and_runs_nothing_that_it_holds(sink: Sink) -> None:
    await sink.take(a_mail("<script>alert(1)</script>"))
    [mail] = sink.http.get("/api/v1/messages").json()["messages"]

    pages = [sink.http.get("/"), sink.http.get(f"/view/{mail['ID']}")]

    for page in pages:
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
        assert "<script>" not in page.text
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")


async def test_refusals_can_be_asked_for(sink: Sink) -> None:
    sink.http.put("/api/v1/chaos", json={"Recipient": {"ErrorCode": 451, "Probability": 100}})

    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as caught:
        await sink.take(a_mail("Ditolak"))
    assert [refused.code for refused in caught.value.recipients] == [451]

    sink.http.put("/api/v1/chaos", json={})
    await sink.take(a_mail("Diterima"))
    assert [mail["Subject"] for mail in sink.http.get("/api/v1/messages").json()["messages"]] == ["Diterima"]


async def test_single_mails_can_be_removed(sink: Sink) -> None:
    await sink.take(a_mail("pergi"))
    [gone] = sink.http.get("/api/v1/messages").json()["messages"]
    await sink.take(a_mail("tinggal"))

    sink.http.request("DELETE", "/api/v1/messages", json={"IDs": [gone["ID"]]})

    assert [mail["Subject"] for mail in sink.http.get("/api/v1/messages").json()["messages"]] == ["tinggal"]
    assert sink.http.get(f"/api/v1/message/{gone['ID']}").status_code == 404


def a_mail(subject: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Bapas <bapas@bapas.example>"
    mail["To"] = "rina@bapas.example"
    mail["Subject"] = subject
    mail["Message-ID"] = "<row-1@bapas.example>"
    mail.set_content("Selamat pagi, Ibu Rina — é\n")
    mail.add_alternative("<p>Selamat <b>pagi</b></p>", subtype="html")
    return mail
